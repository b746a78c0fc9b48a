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

    /// <summary>
    /// First with nothing decoded and nothing translated at the beginning of each run: then all of them are alike, and what goes wrong in one
    /// goes wrong in the others. Once with translated code that can be stopped in front of each block; if it goes right then, as it was.
    /// </summary>
    private const int ColdAttempts = 2;

    /// <summary>
    /// If it does not happen then, it needs what was translated before the anchor. So nothing is forgotten between two runs; but each leaves more
    /// translated than it found, or less, and what went well in one may go wrong in the next.
    /// </summary>
    private const int WarmAttempts = 4;

    /// <summary>How often a warm result has to be confirmed.</summary>
    private const int Confirmations = 3;

    private bool _isCold;
    private bool _isExact;

    /// <summary>Finds the block.</summary>
    /// <param name="good">A checkpoint where the two were equal.</param>
    /// <param name="bad">The next one, where they were not.</param>
    /// <param name="end">Where the leg ended.</param>
    public Difference Find(long good, long bad, long end)
    {
        // What can be said if it does not happen again: where they stand now, at the end of the leg.
        Difference fallback = Difference.Of(pair, good, bad, first, second);
        try
        {
            return Narrow(end) ?? fallback;
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C: a report about a wide window is better than none.
            return fallback;
        }
    }

    private Difference? Narrow(long end)
    {
        for (int attempt = 0; attempt < ColdAttempts + WarmAttempts; attempt++)
        {
            // Once more, as it was. It may come earlier this time, or later.
            _isCold = attempt < ColdAttempts;
            _isExact = attempt == 0;
            Rollback();
            (List<Checkpoint> ours, List<Checkpoint> theirs) = Run(anchor, end);
            int unlike = Lockstep.FirstUnlike(ours, theirs);
            if (unlike < 0)
            {
                continue;
            }

            long good = unlike == 0 ? anchor : ours[unlike - 1].Digest.Instructions;
            long bad = Math.Min(good / every * every + every, end);
            (long low, long high) = Bisect(good, bad);
            if (!IsConfirmed(good, low, high))
            {
                continue;
            }

            (Checkpoint mine, Checkpoint other) = Probe(good, high);
            if (!mine.Equals(other))
            {
                Difference difference = Difference.Of(pair, low, high, mine, other);
                pair.First.Rollback();
                var trace = BlockTrace.Record(pair.First, Math.Max(anchor, low - Lead), low, high);
                return difference with { IsExact = _isExact, Trace = trace, IsNarrow = true, Translations = TakeDown(trace.Culprit.Eip, good, high) };
            }
        }

        return null;
    }

    /// <summary>Halves the way between <paramref name="low"/>, where they are equal, and <paramref name="high"/>, where they are not.</summary>
    private (long Low, long High) Bisect(long low, long high)
    {
        long good = low;
        while (high - low > 1)
        {
            long middle = low + (high - low) / 2;
            if (IsUnlike(good, middle))
            {
                high = middle;
            }
            else
            {
                low = middle;
            }
        }

        return (low, high);
    }

    private bool IsConfirmed(long good, long low, long high)
    {
        for (int i = 0; i < (_isCold ? 1 : Confirmations); i++)
        {
            if ((low > good && IsUnlike(good, low)) || !IsUnlike(good, high))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsUnlike(long good, long at)
    {
        (Checkpoint mine, Checkpoint other) = Probe(good, at);
        return !mine.Equals(other);
    }

    /// <summary>How they are after <paramref name="at"/> instructions, run there in one go from the last checkpoint.</summary>
    private (Checkpoint First, Checkpoint Second) Probe(long good, long at)
    {
        Rollback();
        _ = Run(anchor, good);
        (List<Checkpoint> ours, List<Checkpoint> theirs) = Run(good, at);
        return (ours[^1], theirs[^1]);
    }

    /// <summary>Once more, now that it is known which block to look at while it is being translated.</summary>
    private IReadOnlyList<Translation> TakeDown(uint eip, long good, long high)
    {
        if (pair.Second.Translations is not { } capture)
        {
            return [];
        }

        capture.Watch(eip);
        _ = Probe(good, high);
        return capture.Taken;
    }

    private void Rollback()
    {
        pair.Rollback();
        if (_isCold)
        {
            pair.First.Engine.Forget(_isExact);
            pair.Second.Engine.Forget(_isExact);
        }
    }

    private (List<Checkpoint> First, List<Checkpoint> Second) Run(long from, long to)
    {
        (List<Checkpoint>, List<Checkpoint>) checkpoints = pair.Run(from, to, every);
        return pair.IsStopped ? throw new OperationCanceledException() : checkpoints;
    }
}
