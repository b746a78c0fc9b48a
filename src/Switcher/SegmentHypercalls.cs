using System.Buffers.Binary;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <summary>drivers/lguest/segments.c: the Guest's GDT, which it fills by hypercall and never sees.</summary>
/// <remarks>
/// The segment registers keep the descriptors that were loaded into them, as on silicon. (The original reloaded them all on
/// every entry, so a change took effect at once there, or killed the Guest if a selector in use had gone bad. Linux
/// reloads by itself, so it cannot tell.)
/// </remarks>
internal sealed unsafe class SegmentHypercalls(GuestContext context)
{
    /// <summary>GDT_ENTRY_TLS_MIN and the number of them: what LOAD_TLS replaces at a context switch.</summary>
    private const uint TlsFirst = 6;
    private const uint TlsEntries = 3;
    private const int DescriptorBytes = 8;

    /// <summary>In the high word of a descriptor: DPL, a DPL of 1, and the accessed bit.</summary>
    private const ulong DplMask = 3UL << 45;
    private const ulong DplOne = 1UL << 45;
    private const ulong AccessedBit = 1UL << 40;

    /// <summary>load_guest_gdt_entry: LHCALL_LOAD_GDT_ENTRY.</summary>
    public void LoadGuestGdtEntry(uint num, uint lo, uint hi)
    {
        if (num >= GuestCpu.GdtEntries)
        {
            context.Kill($"too many gdt entries {(int)num}");
            return;
        }

        context.Cpu->Gdt[num] = lo | ((ulong)hi << 32);
        FixupGdtTable(num, num + 1);
    }

    /// <summary>guest_load_tls: LHCALL_LOAD_TLS, three descriptors of thread-local storage in one call.</summary>
    /// <param name="gtls">Guest-physical address of the 24 bytes.</param>
    public void GuestLoadTls(uint gtls)
    {
        Span<byte> tls = stackalloc byte[(int)TlsEntries * DescriptorBytes];
        if (!context.Machine.Ram.TryRead(gtls, tls))
        {
            context.Kill($"bad read address {GuestContext.Hex(gtls)} len {tls.Length}");
            return;
        }

        for (uint i = 0; i < TlsEntries; i++)
        {
            context.Cpu->Gdt[TlsFirst + i] = BinaryPrimitives.ReadUInt64LittleEndian(tls[((int)i * DescriptorBytes)..]);
        }

        FixupGdtTable(TlsFirst, TlsFirst + TlsEntries);
    }

    /// <summary>
    /// fixup_gdt_table: what says ring 0 means ring 1 here, and the accessed bit is set so that no CPU would ever want to write
    /// to the table. Even the null descriptor gets both.
    /// </summary>
    private void FixupGdtTable(uint start, uint end)
    {
        ulong* gdt = context.Cpu->Gdt;
        for (uint i = start; i < end; i++)
        {
            if (Segments.IsIgnoredEntry(i))
            {
                continue;
            }

            if ((gdt[i] & DplMask) == 0)
            {
                gdt[i] |= DplOne;
            }

            gdt[i] |= AccessedBit;
        }
    }
}
