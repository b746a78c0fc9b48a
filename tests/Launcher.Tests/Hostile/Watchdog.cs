using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// The time limit of hostile Guests: one that sleeps for a while is asked to stop, as <c>--timeout</c> asks, and so is one that does not end
/// at all. It also raises interrupts at random moments, which nothing else here would.
/// </summary>
internal sealed unsafe class Watchdog : IDisposable
{
    private const int IntervalMilliseconds = 1;

    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private LguestGuest? _guest;
    private GuestCpu* _cpu;
    private int _looks;
    private int _asleep;
    private bool _over;

    public Watchdog()
    {
        _thread = new Thread(Watch) { IsBackground = true, Name = "Hostile Guest watchdog" };
        _thread.Start();
    }

    /// <summary>How often a Guest may be found asleep before it is stopped: milliseconds, about.</summary>
    public int Patience { get; set; } = 20;

    /// <summary>How long a Guest may go on at all, milliseconds, about: nobody needs this long for a few thousand instructions, be each of them translated first.</summary>
    public int Longest { get; set; } = 60_000;

    /// <summary>Raise interrupts? Without, and without a clock event or input, runs are the same each time.</summary>
    public bool Interrupts { get; init; } = true;

    /// <summary>Runs the Guest under supervision.</summary>
    public GuestEnd Run(LguestGuest guest, GuestCpu* cpu)
    {
        lock (_gate)
        {
            _guest = guest;
            _cpu = cpu;
            _looks = _asleep = 0;
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

                _asleep += Volatile.Read(ref _cpu->Halted) != 0 ? 1 : 0;
                if (_asleep > Patience || ++_looks > Longest)
                {
                    guest.RequestStop("time limit");
                }
            }
        }
    }
}
