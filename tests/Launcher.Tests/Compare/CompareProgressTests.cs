using Lguest.Jit.Launcher.Compare;

namespace Lguest.Jit.Launcher.Tests.Compare;

/// <summary>What a long comparison says while it goes on.</summary>
public sealed class CompareProgressTests : IDisposable
{
    private readonly Clock _clock = new();
    private readonly StringWriter _text = new();

    public void Dispose() => _text.Dispose();

    [Fact]
    public void It_tells_how_far_how_fast_and_how_much_longer()
    {
        var progress = new CompareProgress(_text, 3_000_000_000, _clock);
        _clock.Seconds = 10;
        progress.Report(1_000_000_000, 10_000);
        Assert.Equal("compare: 1,000,000,000 instructions equal, 10,000 checkpoints, 100 MIPS, at most 20 s left" + Environment.NewLine, _text.ToString());
    }

    [Fact]
    public void Without_a_limit_nobody_knows_how_much_longer()
    {
        var progress = new CompareProgress(_text, long.MaxValue, _clock);
        _clock.Seconds = 5;
        progress.Report(500_000_000, 5_000);
        Assert.Equal("compare: 500,000,000 instructions equal, 5,000 checkpoints, 100 MIPS" + Environment.NewLine, _text.ToString());
    }

    [Fact]
    public void It_says_so_every_five_seconds_and_nothing_before()
    {
        var progress = new CompareProgress(_text, long.MaxValue, _clock);
        var lines = new List<double>();
        for (_clock.Seconds = 0; _clock.Seconds < 21; _clock.Seconds += 0.5)
        {
            int before = _text.GetStringBuilder().Length;
            progress.Report((long)(1e8 * _clock.Seconds), 1);
            if (_text.GetStringBuilder().Length > before)
            {
                lines.Add(_clock.Seconds);
            }
        }

        Assert.Equal([5.0, 10, 15, 20], lines);
    }

    [Fact]
    public void Nothing_compared_yet_is_no_division_by_zero()
    {
        var progress = new CompareProgress(_text, 1000, _clock);
        _clock.Seconds = 6;
        progress.Report(0, 0);
        Assert.Contains("0 MIPS, at most 1000 s left", _text.ToString(), StringComparison.Ordinal);
    }

    private sealed class Clock : TimeProvider
    {
        public double Seconds { get; set; }

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => (long)(1_000 * Seconds);
    }
}
