using System.Diagnostics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>Everything that counts during one life of a Guest, from its first instruction to <see cref="Dispose"/>.</summary>
internal sealed class LifeWatch : IDisposable
{
    /// <summary>
    /// Making the instruments takes seven milliseconds, mostly of the runtime's warming up, which a boot shall not wait for;
    /// and nobody attaches to a Guest so soon.
    /// </summary>
    private static readonly TimeSpan s_metricsDelay = TimeSpan.FromMilliseconds(500);

    private readonly GuestMachine _machine;
    private readonly IExecutionEngine _engine;
    private readonly SwitcherStatistics _switcher;
    private readonly TierSampler? _sampler;
    private readonly Timer _later;
    private readonly Lock _gate = new();
    private GuestMetrics? _metrics;
    private bool _over;
    private readonly long _started = Stopwatch.GetTimestamp();

    /// <param name="machine">Has to outlive us, like the others.</param>
    /// <param name="engine">What executes.</param>
    /// <param name="switcher">What the Switcher counts.</param>
    /// <param name="sample">Find out where the time goes.</param>
    public LifeWatch(GuestMachine machine, IExecutionEngine engine, SwitcherStatistics switcher, bool sample)
    {
        _machine = machine;
        _engine = engine;
        _switcher = switcher;
        _sampler = sample ? new TierSampler(machine) : null;
        _later = new Timer(_ => Publish(), null, s_metricsDelay, Timeout.InfiniteTimeSpan);
    }

    private TimeSpan WallTime => Stopwatch.GetElapsedTime(_started);

    /// <summary>What it has come to so far.</summary>
    public RunStatistics Collect() => new(_switcher, _machine.Retired, _machine.Mmu.Fills, WallTime)
    {
        Times = _sampler is null ? null : Times(),
        Translator = Translator(),
    };

    public void Dispose()
    {
        lock (_gate)
        {
            _over = true;
            _metrics?.Dispose();
        }

        _later.Dispose();
        _sampler?.Dispose();
    }

    private void Publish()
    {
        lock (_gate)
        {
            if (!_over)
            {
                _metrics = new GuestMetrics(
                    _switcher, () => _machine.Mmu.Fills, () => Translator() ?? new TranslatorStatistics(), _sampler is null ? null : Times);
            }
        }
    }

    private TierTimes Times() =>
        TierTimes.Share(_sampler!.Ticks, _sampler.Samples, WallTime, Stopwatch.GetElapsedTime(0, _switcher.WaitTicks));

    private TranslatorStatistics? Translator() => _engine switch
    {
        TieredEngine tiered => tiered.Statistics(),
        InterpreterEngine interpreter => TranslatorStatistics.Of(interpreter),
        _ => null,
    };
}
