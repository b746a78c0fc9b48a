using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>What one life of a Guest came to.</summary>
/// <param name="Switcher">The Switcher's counters.</param>
/// <param name="Instructions">Completed, to the last one.</param>
/// <param name="TlbFills">Cold fills of the soft TLB.</param>
/// <param name="WallTime">From the first instruction to the end, waiting included.</param>
internal sealed record RunStatistics(SwitcherStatistics Switcher, long Instructions, long TlbFills, TimeSpan WallTime)
{
    /// <summary>Where the time went; null: nobody looked.</summary>
    public TierTimes? Times { get; init; }

    /// <summary>Blocks and regions; null for an engine that does not say.</summary>
    public TranslatorStatistics? Translator { get; init; }

    /// <summary>Millions of instructions a second of wall time; 0 for a run too short to measure.</summary>
    public double Mips => WallTime > TimeSpan.Zero ? Instructions / WallTime.TotalMicroseconds : 0;
}
