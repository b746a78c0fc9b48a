namespace Lguest.Jit.Launcher.Compare;

/// <summary>
/// From "equal at this checkpoint, different at the next" to one block. Both Guests go back and run again, each time with one budget to a
/// chosen instruction: never in smaller steps, since a budget's last block is the interpreter's, and what only goes wrong in translated code would
/// go right in steps of one instruction.
/// </summary>
/// <param name="pair">Both, anchored at <paramref name="anchor"/>.</param>
/// <param name="every">Instructions between two checkpoints.</param>
/// <param name="anchor">Instructions at the anchor.</param>
/// <param name="first">The first Guest's checkpoint where the difference was seen.</param>
/// <param name="second">The second's.</param>
internal sealed class Narrowing(GuestPair pair, long every, long anchor, Checkpoint first, Checkpoint second)
{
    /// <summary>Instructions before the difference that the report wants to tell of.</summary>
    private const long Lead = 8192;

    /// <summary>Finds the block.</summary>
    /// <param name="good">A checkpoint where the two were equal.</param>
    /// <param name="bad">The next one, where they were not.</param>
    public Difference Find(long good, long bad)
    {
        // What can be said if it does not happen again: where they stand now, at the end of the leg.
        Difference fallback = Difference.Of(pair, good, bad, first, second);
        try
        {
            return Narrow(good, bad) ?? fallback;
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C: a report about a wide window is better than none.
            return fallback;
        }
    }

    private Difference? Narrow(long good, long bad)
    {
        // Once more, as it was. It may come earlier this time: more is translated by now.
        pair.Rollback();
        (List<Checkpoint> ours, List<Checkpoint> theirs) = Run(anchor, bad);
        int unlike = Lockstep.FirstUnlike(ours, theirs);
        if (unlike < 0)
        {
            return null;
        }

        good = unlike == 0 ? anchor : ours[unlike - 1].Digest.Instructions;
        bad = Math.Min(good / every * every + every, bad);

        // A nearer place to come back to, some checkpoints before it.
        long start = Math.Max(anchor, (good - Lead) / every * every);
        pair.Rollback();
        (ours, theirs) = Run(anchor, start);
        if (Lockstep.FirstUnlike(ours, theirs) >= 0)
        {
            return null;
        }

        pair.Anchor();
        if (!IsUnlike(start, good, bad, out _, out _))
        {
            return null;
        }

        long low = good;
        long high = bad;
        while (high - low > 1)
        {
            long middle = low + (high - low) / 2;
            if (IsUnlike(start, good, middle, out _, out _))
            {
                high = middle;
            }
            else
            {
                low = middle;
            }
        }

        bool found = IsUnlike(start, good, high, out Checkpoint mine, out Checkpoint other);
        Difference difference = Difference.Of(pair, low, high, mine, other);
        if (!found)
        {
            return null;
        }

        pair.First.Rollback();
        BlockTrace trace = BlockTrace.Record(pair.First, Math.Max(start, low - Lead), low);
        return difference with { Trace = trace, IsNarrow = true };
    }

    /// <summary>Are the two different after <paramref name="at"/> instructions, run there in one go from the last checkpoint?</summary>
    private bool IsUnlike(long start, long good, long at, out Checkpoint mine, out Checkpoint other)
    {
        pair.Rollback();
        _ = Run(start, good);
        (List<Checkpoint> ours, List<Checkpoint> theirs) = Run(good, at);
        mine = ours[^1];
        other = theirs[^1];
        return !mine.Equals(other);
    }

    private (List<Checkpoint> First, List<Checkpoint> Second) Run(long from, long to)
    {
        (List<Checkpoint>, List<Checkpoint>) checkpoints = pair.Run(from, to, every);
        return pair.IsStopped ? throw new OperationCanceledException() : checkpoints;
    }
}
