namespace Lguest.Jit.Core.Execution;

/// <summary>
/// Why an engine came back. On every return eip, registers and flags are architectural and the instruction count is
/// exact (design §12.1).
/// </summary>
internal enum ExitReason
{
    /// <summary>Internal to an engine: look up the block at eip and go on. Never returned by <c>Run</c>.</summary>
    Continue = 0,

    /// <summary>Exactly the budget was used up.</summary>
    Budget,

    /// <summary><c>Attention</c> was set: somebody wants the Switcher at this safepoint.</summary>
    Attention,

    /// <summary>Eip is at an instruction that faulted; vector, error code and address stand in the CPU. It counts 0 instructions.</summary>
    Fault,

    /// <summary>
    /// Eip is at an <c>int n</c>, <c>int3</c> or <c>into</c> that wants to trap, not yet counted: the Switcher decides whether it
    /// may (lguest's permission rules), and if so moves eip on by <c>TrapLength</c> and counts it.
    /// </summary>
    SoftwareInterrupt,

    /// <summary>The <c>iret</c> at <c>noirq_iret</c> has just completed while interrupts are pending.</summary>
    NoirqIret,

    /// <summary>A device-memory access completed: interrupts are to be considered (design §12.5).</summary>
    DeviceAccess,

    /// <summary>A single-stepped instruction (EFLAGS.TF) completed: #DB is due, eip already at the next instruction.</summary>
    SingleStep,

    /// <summary>The Guest did what lguest kills for; the machine holds the reason. Eip is at the instruction.</summary>
    Kill,

    /// <summary>The running block was overwritten or unmapped by its own instruction; engines only, like <see cref="Continue"/>.</summary>
    BlockCut,

    /// <summary>The block at eip has been run often enough to be compiled; engines only.</summary>
    Hot,

    /// <summary>Translated code met something that it leaves to the interpreter, at eip; engines only.</summary>
    Miss,
}
