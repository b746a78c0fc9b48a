using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Switcher.Tests.Deterministic;

/// <summary>At which instructions a deterministic Guest may be interrupted.</summary>
public sealed unsafe class PaceTests : IDisposable
{
    private readonly DeterministicClock _clock = new();
    private readonly GuestMachine _machine;
    private readonly DeterministicPace _pace;

    public PaceTests()
    {
        _machine = new GuestMachine(4 << 20, _clock);
        _pace = new DeterministicPace(_machine.Cpu, _clock);
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void With_nothing_pending_there_is_no_point_and_no_end_to_the_budget()
    {
        _machine.Cpu->Retired = 2048;
        _pace.NotePoint();
        Assert.False(_pace.TakePoint());
        Assert.Equal(1_000_000, _pace.Budget(1_000_000));
    }

    [Fact]
    public void A_point_is_taken_once()
    {
        _machine.Cpu->Retired = 5;
        _machine.Cpu->PendingInterrupts = 2;
        _pace.NotePoint();
        Assert.True(_pace.TakePoint());
        Assert.False(_pace.TakePoint());
    }

    [Fact]
    public void While_something_is_pending_each_multiple_of_1024_is_a_point_and_the_budget_leads_there()
    {
        _machine.Cpu->PendingInterrupts = 1;
        _machine.Cpu->Retired = 1000;
        Assert.False(_pace.TakePoint());
        Assert.Equal(24, _pace.Budget(1_000_000));
        Assert.Equal(7, _pace.Budget(7));
        _machine.Cpu->Retired = 1024;
        Assert.True(_pace.TakePoint());
        Assert.False(_pace.TakePoint());
        Assert.Equal(1024, _pace.Budget(1_000_000));
    }

    [Fact]
    public void An_event_is_due_at_its_tick_and_not_before()
    {
        var events = new Counted { Due = 300 };
        _pace.Add(events);
        _machine.Cpu->Retired = 299;
        _pace.FireDue();
        Assert.Equal(0, events.Fired);
        Assert.Equal(1, _pace.Budget(1000));
        _machine.Cpu->Retired = 300;
        _machine.Cpu->PendingInterrupts = 1;
        _pace.FireDue();
        Assert.Equal(1, events.Fired);
        Assert.True(_pace.TakePoint());
    }

    [Fact]
    public void A_halted_Guest_skips_to_the_next_event_without_an_instruction()
    {
        _pace.Add(new Counted { Due = 5000 });
        _pace.Add(new Counted { Due = 700 });
        _machine.Cpu->Retired = 100;
        Assert.True(_pace.SkipAhead());
        Assert.Equal(700, _pace.Ticks);
        Assert.Equal(600, _clock.Skipped);
        Assert.Equal(100, _machine.Cpu->Retired);
    }

    [Fact]
    public void With_no_event_left_there_is_nowhere_to_skip_to()
    {
        _pace.Add(new Counted { Due = DeterministicPace.Never });
        Assert.False(_pace.SkipAhead());
    }

    [Fact]
    public void State_comes_back_as_it_was()
    {
        var events = new Counted { Due = 300 };
        _pace.Add(events);
        _machine.Cpu->PendingInterrupts = 1;
        _pace.NotePoint();
        var archive = new StateArchive();
        archive.BeginSave();
        _pace.ExchangeState(archive);
        Assert.True(_pace.TakePoint());
        Assert.True(_pace.SkipAhead());
        _pace.FireDue();
        archive.BeginLoad();
        _pace.ExchangeState(archive);
        Assert.Equal(0, _clock.Skipped);
        Assert.Equal(300, events.Due);
        _machine.Cpu->Retired = 7;
        Assert.True(_pace.TakePoint());
    }

    private sealed class Counted : ITimedEvents
    {
        private long _due;

        public long Due
        {
            get => _due;
            set => _due = value;
        }

        public int Fired { get; private set; }

        public void Fire()
        {
            Fired++;
            _due = DeterministicPace.Never;
        }

        public void ExchangeState(StateArchive archive) => archive.Field(ref _due);
    }
}
