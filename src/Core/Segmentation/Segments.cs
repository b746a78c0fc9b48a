using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Segmentation;

/// <summary>Segment registers: loading them by the rules of SDM vol. 2 (MOV, POP, LDS…) and checking accesses through them.</summary>
internal static unsafe class Segments
{
    /// <summary>The selector bit that means "LDT"; there is none under lguest.</summary>
    public const uint TableIndicator = 4;

    private const uint IgnoredEntries = (1u << 10) | (1u << 11) | (1u << 16) | (1u << 31);

    /// <summary>LGUEST_CS, LGUEST_DS, the TSS and the double-fault TSS: stored but never used (load_guest_gdt_entry).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsIgnoredEntry(uint index) => index < 32 && ((IgnoredEntries >> (int)index) & 1) != 0;

    /// <summary>A in a descriptor.</summary>
    public const ulong AccessedBit = 1ul << 40;

    /// <summary>__USER_DS, accessed: base 0, limit 4 GiB, DPL 3, writable.</summary>
    public const ulong FlatUserData = 0x00CFF300_0000FFFF;

    /// <summary><see cref="SegmentRegister.Attributes"/> of <see cref="FlatUserData"/>.</summary>
    public const ushort FlatUserAttributes = 0xC0F3;

    /// <summary>The state of lguest_arch_setup_regs: flat kernel segments, null FS and GS.</summary>
    public static void LoadFlatKernel(GuestCpu* cpu)
    {
        SetHidden(cpu, Seg.Cs, 0x61, cpu->Gdt[12]);
        SetHidden(cpu, Seg.Ds, 0x69, cpu->Gdt[13]);
        SetHidden(cpu, Seg.Es, 0x69, cpu->Gdt[13]);
        SetHidden(cpu, Seg.Ss, 0x69, cpu->Gdt[13]);
        SetNull(cpu, Seg.Fs, 0);
        SetNull(cpu, Seg.Gs, 0);
        UpdateMode(cpu);
    }

    /// <summary>The descriptor of a selector, or false if it is null, in the LDT, or beyond the table. RPL is ignored.</summary>
    public static bool TryDescriptor(GuestCpu* cpu, uint selector, out ulong descriptor)
    {
        uint index = (selector & 0xFFFF) >> 3;
        descriptor = 0;
        if ((selector & TableIndicator) != 0 || index == 0 || index >= GuestCpu.GdtEntries)
        {
            return false;
        }

        // What the real GDT holds in the Switcher's own slots: present, DPL 0. No one at CPL 1 gets in.
        descriptor = index switch
        {
            10 => 0x00CF9B00_0000FFFF,
            11 => 0x00CF9300_0000FFFF,
            16 => 0x00008B00_00000067,
            31 => 0x00008900_00000067,
            _ => cpu->Gdt[index],
        };
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Attributes(ulong descriptor) => (ushort)((descriptor >> 40) & 0xF0FF);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Base(ulong descriptor) =>
        (uint)((descriptor >> 16) & 0xFFFFFF) | (uint)((descriptor >> 32) & 0xFF000000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Limit(ulong descriptor)
    {
        uint limit = (uint)(descriptor & 0xFFFF) | (uint)((descriptor >> 32) & 0xF0000);
        return (descriptor & (1UL << 55)) != 0 ? (limit << 12) | 0xFFF : limit;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Dpl(ulong descriptor) => (int)(descriptor >> 45) & 3;

    public static bool IsPresent(ulong descriptor) => (descriptor & (1UL << 47)) != 0;

    public static bool IsCodeOrData(ulong descriptor) => (descriptor & (1UL << 44)) != 0;

    public static bool IsCode(ulong descriptor) => IsCodeOrData(descriptor) && (descriptor & (1UL << 43)) != 0;

    /// <summary>Code: conforming. Data: expand-down.</summary>
    public static bool IsConforming(ulong descriptor) => (descriptor & (1UL << 42)) != 0;

    /// <summary>Code: readable. Data: writable.</summary>
    public static bool IsReadableOrWritable(ulong descriptor) => (descriptor & (1UL << 41)) != 0;

    /// <summary>Fills visible and hidden parts with no check. The caller calls <see cref="UpdateMode"/> when all are set.</summary>
    public static void SetHidden(GuestCpu* cpu, int number, uint selector, ulong descriptor)
    {
        SegmentRegister* register = GuestCpu.Segment(cpu, number);
        register->Selector = (ushort)selector;
        register->Base = Base(descriptor);
        register->Limit = Limit(descriptor);
        register->Attributes = (ushort)(Attributes(descriptor) | SegmentRegister.Accessed);
    }

    public static void SetNull(GuestCpu* cpu, int number, uint selector) =>
        *GuestCpu.Segment(cpu, number) = new SegmentRegister { Selector = (ushort)selector };

    /// <summary>
    /// MOV/POP/LxS to SS, DS, ES, FS or GS (SDM vol. 2, MOV, "Loading the segment register"). Faults are recorded;
    /// on success <see cref="UpdateMode"/> has been called, so the running block may no longer fit the mode.
    /// </summary>
    public static bool Load(GuestCpu* cpu, int number, uint selector)
    {
        selector &= 0xFFFF;
        uint error = selector & 0xFFFC;
        if (number != Seg.Ss && TryLoadData(cpu, number, selector))
        {
            return true;
        }

        if (number == Seg.Ss)
        {
            if (error == 0)
            {
                return Fault.GeneralProtection(cpu);
            }

            if (!TryDescriptor(cpu, selector, out ulong stack) || (selector & 3) != cpu->Cpl || !IsCodeOrData(stack) || IsCode(stack)
                || !IsReadableOrWritable(stack) || Dpl(stack) != cpu->Cpl)
            {
                return Fault.GeneralProtection(cpu, error);
            }

            if (!IsPresent(stack))
            {
                return Fault.Raise(cpu, Vectors.StackFault, error);
            }

            SetHidden(cpu, number, selector, stack);
            UpdateMode(cpu);
            return true;
        }

        if (error == 0)
        {
            SetNull(cpu, number, selector);
            UpdateMode(cpu);
            return true;
        }

        if (!TryDescriptor(cpu, selector, out ulong descriptor) || !IsCodeOrData(descriptor)
            || (IsCode(descriptor) && !IsReadableOrWritable(descriptor))
            || (!(IsCode(descriptor) && IsConforming(descriptor)) && Math.Max(selector & 3, cpu->Cpl) > Dpl(descriptor)))
        {
            return Fault.GeneralProtection(cpu, error);
        }

        if (!IsPresent(descriptor))
        {
            return Fault.Raise(cpu, Vectors.SegmentNotPresent, error);
        }

        SetHidden(cpu, number, selector, descriptor);
        UpdateMode(cpu);
        return true;
    }

    /// <summary>
    /// What a kernel does six times in each system call, with nothing looked at twice: loads a present data segment that is allowed, or
    /// null into FS or GS, where that leaves the mode as it is.
    /// </summary>
    /// <param name="cpu">The registers.</param>
    /// <param name="number">ES, DS, FS or GS.</param>
    /// <param name="selector">16 bits.</param>
    /// <returns>False: it is not that simple, and nothing has changed. Not a fault yet.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryLoadData(GuestCpu* cpu, int number, uint selector)
    {
        const uint KindBits = SegmentRegister.Present | SegmentRegister.NotSystem | SegmentRegister.Code;
        const uint PresentData = SegmentRegister.Present | SegmentRegister.NotSystem;
        SegmentRegister* register = GuestCpu.Segment(cpu, number);
        uint index = selector >> 3;
        if (index == 0 && number >= Seg.Fs && selector < TableIndicator)
        {
            *register = new SegmentRegister { Selector = (ushort)selector };
            return true;
        }

        if (index - 1 >= GuestCpu.GdtEntries - 1 || (selector & TableIndicator) != 0 || (cpu->Mode & CpuMode.Checked) != 0 || IsIgnoredEntry(index))
        {
            return false;
        }

        ulong descriptor = cpu->Gdt[index];
        if ((descriptor | AccessedBit) == FlatUserData && number < Seg.Fs)
        {
            // Ring 3's flat data, which a kernel gives itself, too: anybody may have it.
            *register = new SegmentRegister { Limit = uint.MaxValue, Selector = (ushort)selector, Attributes = FlatUserAttributes };
            return true;
        }

        uint attributes = Attributes(descriptor) | (uint)SegmentRegister.Accessed;
        if ((attributes & KindBits) != PresentData || ((attributes >> 5) & 3) < Math.Max(selector & 3, cpu->Cpl))
        {
            return false;
        }

        var loaded = new SegmentRegister
        {
            Base = Base(descriptor),
            Limit = Limit(descriptor),
            Selector = (ushort)selector,
            Attributes = (ushort)attributes,
        };
        if (number < Seg.Fs && !IsFlatData(&loaded))
        {
            return false;
        }

        *register = loaded;
        return true;
    }

    /// <summary>Derives <see cref="GuestCpu.Mode"/> from CPL, segment registers and EFLAGS.AC. Call after any of them changed.</summary>
    public static void UpdateMode(GuestCpu* cpu)
    {
        CpuMode mode = cpu->Cpl == 3 ? CpuMode.User : CpuMode.None;
        SegmentRegister* code = GuestCpu.Segment(cpu, Seg.Cs);
        SegmentRegister* stack = GuestCpu.Segment(cpu, Seg.Ss);
        if ((code->Attributes & SegmentRegister.Big) == 0)
        {
            mode |= CpuMode.Code16;
        }

        if ((stack->Attributes & SegmentRegister.Big) == 0)
        {
            mode |= CpuMode.Stack16;
        }

        bool flat = code->IsFlat && IsFlatData(stack) && IsFlatData(GuestCpu.Segment(cpu, Seg.Ds)) && IsFlatData(GuestCpu.Segment(cpu, Seg.Es));
        bool aligned = cpu->Cpl == 3 && (cpu->SystemFlags & Eflags.AlignmentCheck) != 0;
        if (!flat || aligned)
        {
            mode |= CpuMode.Checked;
        }

        cpu->Mode = mode;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsFlatData(SegmentRegister* register) =>
        register->IsFlat && (register->Attributes & (SegmentRegister.Code | SegmentRegister.WritableOrReadable)) == SegmentRegister.WritableOrReadable;

    /// <summary>
    /// May <paramref name="size"/> bytes at <paramref name="offset"/> be accessed through this segment (SDM vol. 3, §5.3, §5.5)?
    /// Faults: #SS(0) through SS, #GP(0) through the others, #AC(0) for alignment. <paramref name="linear"/> = base + offset.
    /// </summary>
    public static bool Check(GuestCpu* cpu, int number, uint offset, uint size, bool write, out uint linear)
    {
        SegmentRegister* segment = GuestCpu.Segment(cpu, number);
        ushort attributes = segment->Attributes;
        linear = segment->Base + offset;
        bool code = (attributes & SegmentRegister.Code) != 0;
        bool allowed = (attributes & SegmentRegister.Present) != 0
            && (code ? !write && (attributes & SegmentRegister.WritableOrReadable) != 0
                : !write || (attributes & SegmentRegister.WritableOrReadable) != 0);
        if (!allowed || !InLimit(segment, offset, size))
        {
            return Fault.Raise(cpu, number == Seg.Ss ? Vectors.StackFault : Vectors.GeneralProtection);
        }

        if (size is 2 or 4 or 8 && (linear & (size - 1)) != 0 && cpu->Cpl == 3 && (cpu->SystemFlags & Eflags.AlignmentCheck) != 0)
        {
            return Fault.Raise(cpu, Vectors.AlignmentCheck);
        }

        return true;
    }

    private static bool InLimit(SegmentRegister* segment, uint offset, uint size)
    {
        uint last = offset + size - 1;
        bool wraps = last < offset;
        bool expandDown = (segment->Attributes & (SegmentRegister.Code | SegmentRegister.ExpandDownOrConforming)) == SegmentRegister.ExpandDownOrConforming;
        if (!expandDown)
        {
            // A flat segment lets an access wrap at 4 GiB, as silicon does.
            return segment->Limit == uint.MaxValue || (!wraps && last <= segment->Limit);
        }

        uint top = (segment->Attributes & SegmentRegister.Big) != 0 ? uint.MaxValue : 0xFFFF;
        return !wraps && offset > segment->Limit && last <= top;
    }
}
