using System.Buffers.Binary;
using System.Text;

namespace Lguest.Jit.Core.Machine;

/// <summary>What CPUID answers for one leaf.</summary>
internal readonly record struct CpuIdLeaf(uint Eax, uint Ebx, uint Ecx, uint Edx);

/// <summary>
/// The one CPU that every Guest sees (design §12.9, ABI sheet §7.2). The vendor is one that Linux has never heard of,
/// so it does its generic set-up and leaves model-specific registers alone. Unknown leaves are zeros.
/// </summary>
internal static class CpuIdTable
{
    private const string Vendor = "LguestJitCPU";
    private const string Brand = "Lguest.Jit virtual CPU";

    /// <summary>Family 6, model 1, stepping 1.</summary>
    private const uint Signature = 0x611;

    private const uint Fpu = 1u << 0;
    private const uint Tsc = 1u << 4;
    private const uint Cx8 = 1u << 8;
    private const uint Sep = 1u << 11;
    private const uint Cmov = 1u << 15;
    private const uint Clflush = 1u << 19;
    private const uint Mmx = 1u << 23;
    private const uint Fxsr = 1u << 24;
    private const uint Sse = 1u << 25;
    private const uint Sse2 = 1u << 26;

    /// <summary>Of what CLFLUSH flushes, in units of 8 bytes, at its place in ebx.</summary>
    private const uint CacheLine = 8 << 8;

    private const uint Features = Fpu | Tsc | Cx8 | Cmov | Clflush | Mmx | Fxsr | Sse | Sse2;

    /// <summary>Invisible through lguest_cpuid; makes kernels from 4.10 on skip the early microcode loader.</summary>
    private const uint Hypervisor = 1u << 31;

    private const uint LastExtended = 0x80000008;

    /// <summary>36 physical and 32 virtual address bits.</summary>
    private const uint AddressSizes = 32 << 8 | 36;

    /// <param name="leaf">As in eax.</param>
    /// <param name="sysenter">The Guest was promised SYSENTER.</param>
    public static CpuIdLeaf Leaf(uint leaf, bool sysenter = false) => leaf switch
    {
        0 => new CpuIdLeaf(4, Text(Vendor, 0), Text(Vendor, 8), Text(Vendor, 4)),
        1 => new CpuIdLeaf(Signature, CacheLine, Hypervisor, Features | (sysenter ? Sep : 0)),

        // No descriptors; the low byte says that asking once is enough.
        2 => new CpuIdLeaf(1, 0, 0, 0),
        0x80000000 => new CpuIdLeaf(LastExtended, 0, 0, 0),
        >= 0x80000002 and <= 0x80000004 => BrandLeaf((int)(leaf - 0x80000002) * 16),
        0x80000008 => new CpuIdLeaf(AddressSizes, 0, 0, 0),
        _ => default,
    };

    private static CpuIdLeaf BrandLeaf(int at) => new(Text(Brand, at), Text(Brand, at + 4), Text(Brand, at + 8), Text(Brand, at + 12));

    /// <summary>Four letters as CPUID packs them, zeros behind the end.</summary>
    private static uint Text(string text, int at)
    {
        Span<byte> letters = stackalloc byte[4];
        letters.Clear();
        if (at < text.Length)
        {
            Encoding.ASCII.GetBytes(text.AsSpan(at, Math.Min(4, text.Length - at)), letters);
        }

        return BinaryPrimitives.ReadUInt32LittleEndian(letters);
    }
}
