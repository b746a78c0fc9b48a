namespace Lguest.Jit.Core.State;

/// <summary>
/// What a translation assumes about the CPU beside its address: part of the key of every block. Small on purpose:
/// in a running Linux only <see cref="User"/> ever changes.
/// </summary>
[Flags]
internal enum CpuMode : uint
{
    None = 0,

    /// <summary>CPL 3.</summary>
    User = 1,

    /// <summary>CS.D = 0: 16-bit operands and addresses by default.</summary>
    Code16 = 2,

    /// <summary>SS.B = 0: the stack is addressed by SP.</summary>
    Stack16 = 4,

    /// <summary>
    /// ES, CS, SS or DS is not flat (or not writable where it must be), or alignment checking is on (CPL 3 with EFLAGS.AC;
    /// lguest runs with CR0.AM = 1): every memory access goes the fully checked way.
    /// </summary>
    Checked = 8,
}
