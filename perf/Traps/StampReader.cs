extern alias launcher;

using System.Buffers.Binary;
using launcher::Lguest.Jit.Launcher.Bench;

namespace Lguest.Jit.Perf.Traps;

/// <summary>
/// What the benchmark Guest on a bare PC writes: a letter before a round; behind it another letter, and two readings of its time-stamp counter.
/// How fast that counts is found by holding all of it against the Host's clock.
/// </summary>
/// <remarks>
/// The letters' arrival would say the same, but for a reader who is late for the first one, and not for the last: and then
/// that would be the fastest round.
/// </remarks>
internal sealed class StampReader
{
    private readonly byte[] _stamps = new byte[BenchLayout.StampBytes];
    private readonly List<(ulong Begin, ulong End)> _rounds = [];
    private int _missing;
    private TimeSpan _first;
    private TimeSpan _last;

    /// <summary>Complete rounds.</summary>
    public int Count => _rounds.Count;

    /// <summary>Takes in what has arrived.</summary>
    /// <param name="bytes">In order; they may end anywhere.</param>
    /// <param name="now">By the Host's clock, whatever it counts from.</param>
    public void Read(ReadOnlySpan<byte> bytes, TimeSpan now)
    {
        foreach (byte value in bytes)
        {
            if (_missing != 0)
            {
                _stamps[^_missing--] = value;
                if (_missing == 0)
                {
                    _rounds.Add((BinaryPrimitives.ReadUInt64LittleEndian(_stamps), BinaryPrimitives.ReadUInt64LittleEndian(_stamps.AsSpan(8))));
                }
            }
            else if (value == BenchLayout.MarkBegin && _rounds.Count == 0)
            {
                _first = now;
            }
            else if (value == BenchLayout.MarkEnd)
            {
                _last = now;
                _missing = _stamps.Length;
            }
        }
    }

    /// <summary>Nanoseconds of the fastest round.</summary>
    /// <exception cref="InvalidOperationException">There was none, or no time has passed.</exception>
    public double Fastest()
    {
        ulong ticks = Count == 0 ? 0 : _rounds[^1].End - _rounds[0].Begin;
        TimeSpan time = _last - _first;
        return ticks == 0 || time <= TimeSpan.Zero
            ? throw new InvalidOperationException("The Guest's clock does not run.")
            : _rounds.Min(static r => r.End - r.Begin) * (time.TotalNanoseconds / ticks);
    }
}
