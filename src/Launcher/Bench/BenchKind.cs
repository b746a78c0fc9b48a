namespace Lguest.Jit.Launcher.Bench;

/// <summary>What the benchmark Guest does over and over.</summary>
internal enum BenchKind
{
    /// <summary><c>int $0x80</c> through a trap gate to a handler that is nothing but <c>iret</c>, as in Linux up to 4.5.</summary>
    SyscallTrapGate,

    /// <summary>The same through an interrupt gate, as in Linux from 4.6 on.</summary>
    SyscallInterruptGate,

    /// <summary><c>sysenter</c> and <c>sysexit</c>.</summary>
    Sysenter,

    /// <summary><c>sysenter</c> in, <c>iret</c> out: the way down by itself, seen against the row above.</summary>
    ReturnToUser,

    /// <summary><c>int3</c> within the kernel, <c>iret</c> within the kernel.</summary>
    SelfInterrupt,

    /// <summary>FLUSH_ASYNC with an empty ring. lguest only.</summary>
    Hypercall,

    /// <summary>A touched page whose table entry was taken away; the handler puts it back.</summary>
    FaultMinor,

    /// <summary>A touched page that was never there: the handler clears 4 KiB, maps them and says so.</summary>
    FaultNewPage,

    /// <summary>To another page directory and a look at a page through it, both known already.</summary>
    ContextSwitch,

    /// <summary>From the time that a timer was set for to the first instruction of its handler. lguest only.</summary>
    TimerLatency,
}

/// <summary>What is under the benchmark Guest.</summary>
internal enum BenchPlatform
{
    /// <summary>lguest: ring 1, hypercalls.</summary>
    Lguest,

    /// <summary>A bare PC, entered by a multiboot loader in ring 0: any other emulator.</summary>
    Multiboot,
}
