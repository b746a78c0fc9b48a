using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>
/// Two Guests that should be one and the same, each run by a thread of its own: they have nothing in common, and meet only between two
/// legs.
/// </summary>
internal sealed class GuestPair : IDisposable
{
    /// <exception cref="Loading.LoadException">There is nothing to run.</exception>
    public GuestPair(DeterministicSetup first, DeterministicSetup second)
    {
        First = new DeterministicGuest(first with { Tracked = true });
        try
        {
            Second = new DeterministicGuest(second with { Tracked = true });
        }
        catch
        {
            First.Dispose();
            throw;
        }
    }

    public DeterministicGuest First { get; }

    public DeterministicGuest Second { get; }

    /// <summary>Was one of them stopped from outside?</summary>
    public bool IsStopped => First.End?.Kind == GuestEndKind.Stopped || Second.End?.Kind == GuestEndKind.Stopped;

    /// <summary>Does something with both, at the same time.</summary>
    public (T First, T Second) Both<T>(Func<DeterministicGuest, T> action)
    {
        Task<T> second = Task.Factory.StartNew(() => action(Second), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        T first;
        try
        {
            first = action(First);
        }
        catch
        {
            // Nobody may take the other one's machine away while it runs.
            Second.Guest.RequestStop("the other one failed");
            ((IAsyncResult)second).AsyncWaitHandle.WaitOne();
            throw;
        }

        return (first, second.GetAwaiter().GetResult());
    }

    /// <summary>Runs both from <paramref name="from"/> to <paramref name="to"/>, with a checkpoint at each multiple of <paramref name="every"/>, and at the end.</summary>
    public (List<Checkpoint> First, List<Checkpoint> Second) Run(long from, long to, long every) => Both(guest => Run(guest, from, to, every));

    /// <summary>Both back to where they were last known to be equal.</summary>
    public void Rollback()
    {
        First.Rollback();
        Second.Rollback();
    }

    /// <summary>Here they are equal. At a checkpoint.</summary>
    public void Anchor()
    {
        First.Anchor();
        Second.Anchor();
    }

    public void Stop(string why)
    {
        First.Guest.RequestStop(why);
        Second.Guest.RequestStop(why);
    }

    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
    }

    internal static List<Checkpoint> Run(DeterministicGuest guest, long from, long to, long every)
    {
        var checkpoints = new List<Checkpoint>((int)Math.Min((to - from) / every + 1, 65536));
        while (from < to)
        {
            from = Math.Min(from / every * every + every, to);
            GuestEnd? end = guest.RunUntil(from);
            if (end?.Kind == GuestEndKind.Stopped)
            {
                // Wherever that was, it is no checkpoint.
                break;
            }

            checkpoints.Add(new Checkpoint(guest.Digest(), end));
            if (end is not null)
            {
                break;
            }
        }

        return checkpoints;
    }
}
