namespace Lguest.Jit.Launcher.Compare;

/// <summary>How far two Guests have come, and how it stands.</summary>
/// <param name="Equal">Instructions up to which they are known to be equal.</param>
/// <param name="Checkpoints">At how many of them that was seen.</param>
/// <param name="Difference">What was found; null: nothing.</param>
/// <param name="Stopped">Somebody stopped it before it was through.</param>
internal sealed record LockstepResult(long Equal, long Checkpoints, Difference? Difference, bool Stopped)
{
    /// <summary>Both at the checkpoint where the difference was seen, before it was narrowed down.</summary>
    public (Checkpoint First, Checkpoint Second)? Unlike { get; init; }
}

/// <summary>
/// Runs a pair of Guests leg by leg. Within a leg each goes at its own speed and leaves a digest at each checkpoint; between two legs the digests
/// are compared, and if all are equal there is the place to come back to. On a difference both go back, and it is narrowed down.
/// </summary>
/// <param name="pair">Both at their first instruction.</param>
/// <param name="every">Instructions between two checkpoints.</param>
/// <param name="limit">Instructions after which it is enough.</param>
internal sealed class Lockstep(GuestPair pair, long every, long limit)
{
    /// <summary>
    /// A leg takes about a second: what has to be repeated is short, and one engine does not wait for the other each time that it is the slower
    /// (the translator, while it compiles; the interpreter ever after).
    /// </summary>
    private const long LegInstructions = 250_000_000;
    private const long LegCheckpoints = 8192;

    /// <summary>Called after each leg, with instructions and checkpoints so far.</summary>
    public Action<long, long>? Progress { get; init; }

    public LockstepResult Run()
    {
        long leg = every * Math.Clamp(LegInstructions / every, 1, LegCheckpoints);
        long equal = 0;
        long checkpoints = 0;
        (Checkpoint first, Checkpoint second) = pair.Both(static guest => new Checkpoint(guest.Digest(), null));
        if (!first.Equals(second))
        {
            return new LockstepResult(0, 0, Difference.AtStart(pair, first, second), Stopped: false);
        }

        pair.Anchor();
        while (equal < limit)
        {
            long end = Math.Min(equal + leg, limit);
            (List<Checkpoint> ours, List<Checkpoint> theirs) = pair.Run(equal, end, every);
            int unlike = FirstUnlike(ours, theirs);
            if (unlike >= 0)
            {
                long from = unlike == 0 ? equal : ours[unlike - 1].Digest.Instructions;
                var narrowing = new Narrowing(pair, every, equal, ours[unlike], theirs[unlike]);
                return new LockstepResult(from, checkpoints + unlike, narrowing.Find(from, Math.Min(from / every * every + every, end), end), pair.IsStopped)
                {
                    Unlike = (ours[unlike], theirs[unlike]),
                };
            }

            int common = Math.Min(ours.Count, theirs.Count);
            checkpoints += common;
            equal = common == 0 ? equal : ours[common - 1].Digest.Instructions;
            Progress?.Invoke(equal, checkpoints);
            if (pair.IsStopped)
            {
                return new LockstepResult(equal, checkpoints, null, Stopped: true);
            }

            pair.Anchor();
            if (pair.First.End is not null)
            {
                break;
            }
        }

        return new LockstepResult(equal, checkpoints, null, Stopped: false);
    }

    /// <summary>The first checkpoint that both have come to and that is not the same; −1: there is none.</summary>
    internal static int FirstUnlike(List<Checkpoint> first, List<Checkpoint> second)
    {
        for (int i = 0; i < Math.Min(first.Count, second.Count); i++)
        {
            if (!first[i].Equals(second[i]))
            {
                return i;
            }
        }

        return -1;
    }
}
