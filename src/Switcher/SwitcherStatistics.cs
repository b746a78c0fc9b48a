using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Switcher;

/// <summary>
/// What happened, counted: plain numbers that the Guest thread alone writes. Another thread may read them at any time and
/// gets a value that was true a moment ago.
/// </summary>
internal sealed class SwitcherStatistics
{
    /// <summary>Hypercall numbers from here up share the last counter.</summary>
    public const int OtherHypercall = 20;

    /// <summary>Instructions completed, as of the last exit.</summary>
    public long Instructions { get; set; }

    /// <summary>Exits of the engine, by <see cref="ExitReason"/>.</summary>
    public long[] ExitsByReason { get; } = new long[(int)ExitReason.BlockCut + 1];

    /// <summary>Interrupts delivered, by IRQ.</summary>
    public long[] InterruptsByIrq { get; } = new long[InterruptsAndTraps.LguestIrqs];

    /// <summary>Traps and software interrupts delivered to the Guest, by vector. Interrupts are not among them.</summary>
    /// <remarks>Pinned, since those that are delivered directly are counted in place.</remarks>
    public long[] TrapsByVector { get; } = GC.AllocateArray<long>(256, pinned: true);

    /// <summary>Hypercalls made by <c>int $31</c>, by number; see <see cref="OtherHypercall"/>.</summary>
    public long[] HypercallsByNumber { get; } = new long[OtherHypercall + 1];

    /// <summary>Hypercalls taken from the asynchronous ring, by number.</summary>
    public long[] QueuedHypercallsByNumber { get; } = new long[OtherHypercall + 1];

    /// <summary>Times that an interrupt found interrupts disabled and <c>irq_pending</c> was set.</summary>
    public long RefusedInterrupts { get; set; }

    /// <summary><c>in</c> and <c>out</c> instructions emulated.</summary>
    public long PortAccesses { get; set; }

    /// <summary>Times that a halted Guest really put its Host thread to sleep.</summary>
    public long Halts { get; set; }

    /// <summary>Time that these sleeps took, by <see cref="System.Diagnostics.Stopwatch"/>; the one that lasts is not in it yet.</summary>
    public long WaitTicks { get; set; }

    internal void CountHypercall(uint number, bool queued)
    {
        long[] counts = queued ? QueuedHypercallsByNumber : HypercallsByNumber;
        counts[Math.Min(number, OtherHypercall)]++;
    }
}
