using System.ComponentModel;

namespace Lguest.Jit.Switcher.Time;

/// <summary>
/// A moment that one thread waits for and others may move. .NET's own timers have a grain of milliseconds; a Guest that
/// sleeps for 50 µs should not notice.
/// </summary>
internal abstract class DueTimer : IDisposable
{
    /// <summary>"Never", for <see cref="Set"/>.</summary>
    public const long Never = long.MaxValue;

    /// <summary>The best that this Host has.</summary>
    public static DueTimer Create()
    {
        if (TimerFd.IsSupported)
        {
            try
            {
                return new TimerFd();
            }
            catch (Win32Exception)
            {
                // Out of descriptors, or a sandbox that forbids the call: the portable way needs neither.
                return new PortableDueTimer();
            }
        }

        return new PortableDueTimer();
    }

    /// <summary>Moves the moment to <paramref name="due"/> (<see cref="MonotonicTime"/>; the past means at once). Any thread.</summary>
    public abstract void Set(long due);

    /// <summary>Blocks until the moment has come. May return early, and at once if it has come since the last call.</summary>
    public abstract void Wait();

    public abstract void Dispose();
}
