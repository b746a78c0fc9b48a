using System.IO.Hashing;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Snapshots;

/// <summary>
/// Hashes of what is architectural in a <see cref="GuestCpu"/>: what a Guest could ever see, and nothing of how an engine keeps
/// it. To be taken when no engine runs.
/// </summary>
internal static unsafe class CpuDigest
{
    /// <summary>General registers, eip, all of EFLAGS, CPL, segment registers, lguest's words, the instruction count.</summary>
    public static ulong Registers(GuestCpu* cpu)
    {
        const int General = 8;
        const int Segments = 6;
        int segmentBytes = Segments * sizeof(SegmentRegister);
        Span<byte> image = stackalloc byte[4 * (General + 14) + 8 + segmentBytes];
        Span<uint> words = MemoryMarshal.Cast<byte, uint>(image);
        new ReadOnlySpan<uint>(cpu->Gpr, General).CopyTo(words);
        words[General] = cpu->Eip;
        words[General + 1] = LazyFlags.Read(cpu);
        words[General + 2] = cpu->Cpl;
        words[General + 3] = (uint)cpu->Mode;
        words[General + 4] = Volatile.Read(ref cpu->PendingInterrupts);
        words[General + 5] = cpu->NoirqIret;
        words[General + 6] = cpu->LguestData;
        words[General + 7] = cpu->Ss1;
        words[General + 8] = cpu->Esp1;
        words[General + 9] = cpu->Ts;
        words[General + 10] = cpu->Halted;
        words[General + 11] = cpu->FastCall.Cs;
        words[General + 12] = cpu->FastCall.Esp;
        words[General + 13] = cpu->FastCall.Eip;
        MemoryMarshal.Write(image[(4 * (General + 14))..], cpu->Retired);
        new ReadOnlySpan<byte>(GuestCpu.Segment(cpu, 0), segmentBytes).CopyTo(image[^segmentBytes..]);
        return XxHash3.HashToUInt64(image);
    }

    /// <summary>GDT and IDT.</summary>
    public static ulong Tables(GuestCpu* cpu) =>
        XxHash3.HashToUInt64(new ReadOnlySpan<byte>(cpu->Gdt, GuestCpu.GdtEntries * sizeof(ulong)))
        + 3 * XxHash3.HashToUInt64(new ReadOnlySpan<byte>(cpu->Idt, 256 * sizeof(ulong)));

    /// <summary>The x87 unit, XMM registers and MXCSR.</summary>
    public static ulong Fpu(GuestCpu* cpu) =>
        XxHash3.HashToUInt64(new ReadOnlySpan<byte>(&cpu->Fpu, sizeof(FpuState)))
        + 3 * XxHash3.HashToUInt64(new ReadOnlySpan<byte>(&cpu->Simd, sizeof(SimdState)));
}
