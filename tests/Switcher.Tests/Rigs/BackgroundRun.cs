using Lguest.Jit.Guests.Stress;

namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>A Guest's run on a thread of its own, with an end that tests can wait for but not for ever.</summary>
internal sealed class BackgroundRun
{
    private readonly Thread _thread;
    private GuestEnd? _end;

    public BackgroundRun(LguestGuest guest)
    {
        _thread = new Thread(() => _end = guest.Run()) { IsBackground = true };
        _thread.Start();
    }

    public bool IsRunning => _thread.IsAlive;

    public GuestEnd WaitForEnd()
    {
        Assert.True(_thread.Join(Patience.Limit), "the Guest did not end");
        Assert.NotNull(_end);
        return _end;
    }
}
