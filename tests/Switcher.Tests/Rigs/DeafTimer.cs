using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>A timer whose thread does not get a processor: it sleeps through every moment that is set ahead of time, and wakes for one that is past when it is set.</summary>
internal sealed class DeafTimer : DueTimer
{
    private readonly AutoResetEvent _past = new(false);

    public override void Set(long due)
    {
        if (due <= MonotonicTime.Now)
        {
            _ = _past.Set();
        }
    }

    public override void Wait() => _ = _past.WaitOne();

    public override void Dispose() => _past.Dispose();
}
