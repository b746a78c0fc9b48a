using Lguest.Jit.Switcher.Deterministic;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Switcher;

/// <content>The clock event device: one timer, one shot, IRQ 0.</content>
internal sealed unsafe partial class InterruptsAndTraps
{
    /// <summary>
    /// The Guest may ask for 100 ns. A Host that takes longer than that to deliver an interrupt would do nothing else, so this
    /// is the least that it gets.
    /// </summary>
    public const long MinimumDeltaNanoseconds = 20_000;

    private const int TimerIrq = 0;

    private readonly ClockThread _clock;

    /// <summary>What takes its place in deterministic time.</summary>
    private readonly TimerEvent _timer;

    /// <summary>guest_set_clockevent: LHCALL_SET_CLOCKEVENT. Replaces what was set before.</summary>
    /// <param name="delta">
    /// Nanoseconds from now, by the Host's clock and also while the Guest does not run (or in deterministic time); 0 turns the timer off, but an
    /// IRQ 0 that has been raised stays raised.
    /// </param>
    public void GuestSetClockevent(uint delta)
    {
        if (_context.Pace is { } pace)
        {
            if (delta == 0)
            {
                _timer.Cancel();
            }
            else
            {
                _timer.Arm(pace.Ticks + pace.Clock.FromNanoseconds(DeltaNanoseconds(delta)));
            }
        }
        else if (delta == 0)
        {
            _cpu->Alarm = 0;
            _clock.Cancel();
        }
        else
        {
            _cpu->Alarm = MonotonicTime.Timestamp(_clock.Arm(DeltaNanoseconds(delta)));
        }
    }

    /// <summary>The engine has left for attention, which may be the Guest's own timer: then there is no need to wait until the clock thread has noticed.</summary>
    public void LookAtClock()
    {
        if (_cpu->Alarm != 0 && _clock.FireIfDue())
        {
            _cpu->Alarm = 0;
        }
    }

    /// <summary>What a Guest gets that asks for <paramref name="delta"/> nanoseconds.</summary>
    public static long DeltaNanoseconds(uint delta) => Math.Max(delta, MinimumDeltaNanoseconds);

    /// <summary>clockdev_fn: the timer went off. Not restarted: the Guest sets the next one.</summary>
    private void ClockdevFn() => SetInterrupt(TimerIrq);

    /// <summary>
    /// init_clockdev. On a monotonic clock; the original took CLOCK_REALTIME, and setting the Host's clock moved its Guests'
    /// timers.
    /// </summary>
    private ClockThread InitClockdev(DueTimer? timer) => new(ClockdevFn, KnockIfPending, timer);

    /// <summary>
    /// Before entering the Guest. Where real lguest has the Host's timer ticks to bring it back now and then, we must come back
    /// by ourselves: unmasking an interrupt and iret to an enabled context are plain instructions that nobody tells us of.
    /// </summary>
    public void PollWhilePending()
    {
        if (Volatile.Read(ref _cpu->PendingInterrupts) != 0)
        {
            _clock.Poll();
        }
    }

    /// <summary>The clock thread, every millisecond while it polls. False: nothing waits any more, stop polling.</summary>
    private bool KnockIfPending()
    {
        lock (_raising)
        {
            if (_freed || Volatile.Read(ref _cpu->PendingInterrupts) == 0 || Volatile.Read(ref _cpu->Halted) != 0)
            {
                return false;
            }

            Attract();
            return true;
        }
    }
}
