using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher.Deterministic;

/// <summary>
/// When a deterministic Guest is interrupted (design §12.5): at an event's due count; after each hypercall, port and device access;
/// after the noirq <c>iret</c>; and at every instruction count divisible by 1024 while anything is pending. Never by the shape of
/// blocks, and never because the engine happens to come out.
/// </summary>
/// <remarks>Events fire in the order in which they were added, if two are due at the same tick.</remarks>
internal sealed unsafe class DeterministicPace
{
    /// <summary>No event is due, ever.</summary>
    public const long Never = long.MaxValue;

    /// <summary>Instructions between two looks at an interrupt that nobody would take yet.</summary>
    public const int PollInstructions = 1024;

    private readonly GuestCpu* _cpu;
    private readonly List<ITimedEvents> _events = [];
    private bool _atPoint;
    private long _lastPoll = -1;

    /// <summary>An event fired at this count, and its device may have something to raise before interrupts are considered.</summary>
    private long _firedAt = -1;

    public DeterministicPace(GuestCpu* cpu, DeterministicClock clock)
    {
        _cpu = cpu;
        Clock = clock;
    }

    public DeterministicClock Clock { get; }

    /// <summary>For tests of whoever compares Guests: at such a count interrupts are not considered, but one instruction later.</summary>
    internal Func<long, bool>? IsDeaf { get; set; }

    /// <summary>Now.</summary>
    public long Ticks => Clock.Ticks(_cpu->Retired);

    public void Add(ITimedEvents events) => _events.Add(events);

    /// <summary>
    /// Here interrupts are to be considered: the last instruction was one of those that say so. With none pending there is nothing to
    /// consider, here or later.
    /// </summary>
    public void NotePoint() => _atPoint = _cpu->PendingInterrupts != 0;

    /// <summary>Fires what is due by now.</summary>
    public void FireDue()
    {
        foreach (ITimedEvents events in _events)
        {
            while (events.Due <= Ticks)
            {
                events.Fire();
                _firedAt = _cpu->Retired;
            }
        }
    }

    /// <summary>Are interrupts to be considered now? Asking takes the answer: at each point they are considered once.</summary>
    public bool TakePoint()
    {
        long retired = _cpu->Retired;
        if (_firedAt == retired)
        {
            _firedAt = -1;
            NotePoint();
        }

        if (_cpu->PendingInterrupts != 0 && retired % PollInstructions == 0 && retired != _lastPoll)
        {
            _lastPoll = retired;
            _atPoint = true;
        }

        // Between a load of SS and the next instruction nobody comes; the point stands, and one instruction later it is taken.
        if (_atPoint && (_cpu->StackShadowAt == retired || IsDeaf?.Invoke(retired) == true))
        {
            return false;
        }

        bool point = _atPoint;
        _atPoint = false;
        return point;
    }

    /// <summary>How far the engine may go, of <paramref name="most"/> instructions.</summary>
    public long Budget(long most)
    {
        long next = NextDue();
        long budget = next == Never ? most : Math.Min(most, next - Ticks);
        if (_atPoint)
        {
            return 1;
        }

        return _cpu->PendingInterrupts == 0 ? budget : Math.Min(budget, PollInstructions - _cpu->Retired % PollInstructions);
    }

    /// <summary>The Guest is halted: it is the moment of the next event now. False: there will be none.</summary>
    public bool SkipAhead()
    {
        long next = NextDue();
        if (next == Never)
        {
            return false;
        }

        Clock.Skipped += next - Ticks;
        return true;
    }

    /// <summary>What a snapshot has to keep, and two Guests must have in common.</summary>
    public void ExchangeState(StateArchive archive)
    {
        archive.Field(ref _atPoint);
        archive.Field(ref _lastPoll);
        archive.Field(ref _firedAt);
        archive.Field(ref Clock.Skipped);
        foreach (ITimedEvents events in _events)
        {
            events.ExchangeState(archive);
        }
    }

    private long NextDue()
    {
        long next = Never;
        foreach (ITimedEvents events in _events)
        {
            next = Math.Min(next, events.Due);
        }

        return next;
    }
}
