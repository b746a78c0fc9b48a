using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// The time limit of hostile Guests: one that is still there after a while is asked to stop, as <c>--timeout</c> asks.
/// Most of those sleep. It also raises interrupts at random moments, which nothing else here would.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private const int IntervalMilliseconds = 1;

    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private LguestGuest? _guest;
    private int _looks;
    private bool _over;

    public Watchdog()
    {
        _thread = new Thread(Watch) { IsBackground = true, Name = "Hostile Guest watchdog" };
        _thread.Start();
    }

    /// <summary>How often a Guest is looked at before it is stopped: milliseconds, about.</summary>
    public int Patience { get; set; } = 20;

    /// <summary>Raise interrupts? Without, and without a clock event or input, runs are the same each time.</summary>
    public bool Interrupts { get; init; } = true;

    /// <summary>Runs the Guest under supervision.</summary>
    public GuestEnd Run(LguestGuest guest)
    {
        lock (_gate)
        {
            _guest = guest;
            _looks = 0;
        }

        GuestEnd end = guest.Run();
        lock (_gate)
        {
            _guest = null;
        }

        return end;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _over = true;
        }

        _thread.Join();
    }

    private void Watch()
    {
        var random = new Random(1);
        while (true)
        {
            Thread.Sleep(IntervalMilliseconds);
            lock (_gate)
            {
                if (_over)
                {
                    return;
                }

                if (_guest is not { } guest)
                {
                    continue;
                }

                if (Interrupts)
                {
                    guest.SetInterrupt(random.Next(32));
                }

                if (++_looks > Patience)
                {
                    guest.RequestStop("time limit");
                }
            }
        }
    }
}
