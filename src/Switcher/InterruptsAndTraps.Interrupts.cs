using System.Diagnostics;
using System.Numerics;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <content>Interrupts: raised by any thread, delivered by the Guest thread when the Guest will have them.</content>
internal sealed unsafe partial class InterruptsAndTraps
{
    /// <summary>Held while another thread touches the CPU struct, so that <see cref="FreeInterrupts"/> can shut them out.</summary>
    private readonly Lock _raising = new();

    /// <summary>What a halted Guest's thread sleeps on. Sticky: a wake-up just before the sleep is not lost.</summary>
    private readonly AutoResetEvent _wake = new(initialState: false);

    private bool _freed;

    /// <summary>
    /// interrupt_pending: the lowest interrupt that waits and is not masked, or <see cref="LguestIrqs"/>.
    /// </summary>
    /// <param name="more">
    /// Are there others behind it? (The original assigned a bit number to a bool here, so it was always true, and
    /// <c>irq_pending</c> once set was never cleared again.)
    /// </param>
    public int InterruptPending(out bool more)
    {
        more = false;
        if (!_data.Initialised)
        {
            return LguestIrqs;
        }

        uint pending = Volatile.Read(ref _cpu->PendingInterrupts);
        if (pending == 0)
        {
            return LguestIrqs;
        }

        if (!_data.TryRead(LguestData.BlockedInterrupts, out uint blocked))
        {
            return LguestIrqs;
        }

        uint candidates = pending & ~blocked;
        if (candidates == 0)
        {
            return LguestIrqs;
        }

        more = (candidates & (candidates - 1)) != 0;
        return BitOperations.TrailingZeroCount(candidates);
    }

    /// <summary>
    /// try_deliver_interrupt. With interrupts disabled (bit 9 of <c>irq_enabled</c> clear; the original took any non-zero word
    /// for "enabled") it only leaves word in <c>irq_pending</c>, and the Guest will call when it enables them.
    /// </summary>
    /// <param name="irq">Below <see cref="LguestIrqs"/>.</param>
    /// <param name="more">From <see cref="InterruptPending"/>.</param>
    public void TryDeliverInterrupt(int irq, bool more)
    {
        if (_cpu->Halted != 0)
        {
            // "sti; hlt": whoever halts wants to be interrupted.
            if (!EndHalt())
            {
                return;
            }
        }
        else if (!_data.TryRead(LguestData.IrqEnabled, out uint irqEnabled) || (irqEnabled & InterruptFlag) == 0)
        {
            _context.Statistics.RefusedInterrupts++;
            _ = _data.Write(LguestData.IrqPending, InterruptFlag, "Setting irq_pending");
            return;
        }

        // No handler yet? Then it stays pending.
        int vector = Vectors.FirstExternal + irq;
        (uint lo, uint hi) = Gate(vector);
        if (IdtPresent(lo, hi) && !DeliverInterrupt(irq, lo, hi))
        {
            _context.KillUnhandledTrap(vector, 0);
            return;
        }

        // The Guest's clock, where it has no time-stamp counter, is as good as our last visit.
        if (_data.WriteTimestamp() && !more)
        {
            _ = _data.Write(LguestData.IrqPending, 0, "Clearing irq_pending");
        }
    }

    private bool DeliverInterrupt(int irq, uint lo, uint hi)
    {
        _ = Interlocked.And(ref _cpu->PendingInterrupts, ~(1u << irq));
        _context.Statistics.InterruptsByIrq[irq]++;

        // lguest's Guests enable interrupts by popping the flag word and then iret, and in between there is a moment when
        // interrupts are on but the frame has not been popped. Real silicon has "sti; iret" with its one-instruction shadow.
        // lguest's answer: at that iret, do not push a second frame but let the handler have the first. It is right for a return
        // to the kernel, and nearly right for a return to user mode, where it leaves the stack switch out. Our engines know the
        // address and tell us when that iret has *completed*, so ConsiderInterrupts defers and this branch is never taken from
        // the run loop (design §12.4); it is kept, and tested, because it is what lguest does.
        (uint from, uint fromRing) = (_cpu->Eip, _cpu->Cpl);
        bool delivered = from == _cpu->NoirqIret
            ? HasKernelCode() && RestoreEflags() && GuestRunInterrupt(lo, hi)
            : EnterGate(lo, hi, isFault: false, hasErr: false, 0);
        if (delivered)
        {
            Observer?.Delivered(new TrapRecord(Vectors.FirstExternal + irq, IsInterrupt: true, null, null, from, fromRing, _cpu->Eip));
        }

        return delivered;
    }

    /// <summary>Step d of run_guest: is there an interrupt to deliver, and is this an instruction to deliver it at?</summary>
    public void ConsiderInterrupts()
    {
        int irq = InterruptPending(out bool more);
        if (irq >= LguestIrqs || IsInStackShadow)
        {
            return;
        }

        if (_cpu->Eip != _cpu->NoirqIret)
        {
            TryDeliverInterrupt(irq, more);
        }
        else if (_cpu->Halted != 0)
        {
            // Whoever puts an iret that must not be interrupted right behind HALT is woken; the interrupt follows the iret.
            _ = EndHalt();
        }
    }

    /// <summary>The instruction just completed has loaded SS, and nobody may come between it and the next one.</summary>
    public bool IsInStackShadow => _cpu->StackShadowAt == _cpu->Retired;

    private bool EndHalt()
    {
        _cpu->Halted = 0;
        return _data.Write(LguestData.IrqEnabled, InterruptFlag, "Re-enabling interrupts");
    }

    /// <summary>
    /// set_interrupt, from any thread: notes it, and either wakes the halted Guest or knocks the running one out of its code
    /// at the next safepoint. There are no levels: a second raise before delivery is the first.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">No such IRQ.</exception>
    public void SetInterrupt(int irq)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(irq);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(irq, LguestIrqs);
        lock (_raising)
        {
            if (!_freed)
            {
                _ = Interlocked.Or(ref _cpu->PendingInterrupts, 1u << irq);
                Attract();
            }
        }
    }

    /// <summary>Wants the Guest thread in the Switcher soon: running or asleep. From any thread.</summary>
    public void Knock()
    {
        lock (_raising)
        {
            if (!_freed)
            {
                Attract();
            }
        }
    }

    /// <summary>
    /// Order matters: the bit (or the request to stop) is in memory before we look whether the Guest sleeps, and the Guest
    /// says that it sleeps before it looks for bits. One of the two sees the other.
    /// </summary>
    private void Attract()
    {
        _ = Interlocked.Exchange(ref _cpu->Attention, 1);
        if (Volatile.Read(ref _cpu->Halted) != 0)
        {
            _ = _wake.Set();
        }
    }

    /// <summary>The idle Guest: its Host thread sleeps in the kernel until an interrupt is raised or a stop is wanted.</summary>
    public void SleepUntilInterrupt()
    {
        _context.Statistics.Halts++;
        long start = Stopwatch.GetTimestamp();
        _cpu->Tier = ExecutionTier.Waiting;
        _ = _wake.WaitOne();
        _cpu->Tier = ExecutionTier.Switcher;
        _context.Statistics.WaitTicks += Stopwatch.GetTimestamp() - start;
    }
}
