using System.Diagnostics;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Launcher.Reporting;

/// <summary>
/// Looks over the Guest thread's shoulder, some seven hundred times a second, and notes what it is doing. A look is one load; it
/// costs the Guest nothing but the Host's time for waking us, a few microseconds.
/// </summary>
/// <remarks>
/// A sample stands for the time since the last one, so a Host that wakes us late does not bend the result. The intervals vary, or a
/// Guest whose timer ticks in step with us would always be caught in its interrupt handler.
/// </remarks>
internal sealed unsafe class TierSampler : IDisposable
{
    private const int ShortestInterval = 1;
    private const int LongestInterval = 2;

    private readonly long[] _ticks = new long[Enum.GetValues<ExecutionTier>().Length];
    private readonly ManualResetEventSlim _stop = new();
    private readonly GuestMachine _machine;
    private readonly Thread _thread;
    private long _samples;

    /// <param name="machine">Has to live until <see cref="Dispose"/> has returned.</param>
    public TierSampler(GuestMachine machine)
    {
        _machine = machine;
        _thread = new Thread(Work) { IsBackground = true, Name = "sampler" };
        _thread.Start();
    }

    /// <summary>Looks so far.</summary>
    public long Samples => Volatile.Read(ref _samples);

    /// <summary>Stopwatch ticks seen in each tier, by <see cref="ExecutionTier"/>.</summary>
    public IReadOnlyList<long> Ticks => _ticks;

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }

    private void Work()
    {
        var random = new Random(1);
        long last = Stopwatch.GetTimestamp();
        while (!_stop.Wait(random.Next(ShortestInterval, LongestInterval + 1)))
        {
            int tier = (int)Volatile.Read(ref *(int*)&_machine.Cpu->Tier);
            long now = Stopwatch.GetTimestamp();
            _ticks[tier] += now - last;
            last = now;
            Volatile.Write(ref _samples, _samples + 1);
        }
    }
}
