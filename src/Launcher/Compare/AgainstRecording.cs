using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>
/// One Guest, held to what was recorded of it: digest by digest. The recorded Guest cannot be gone back with, so a difference is between two
/// checkpoints. But if it is the fault of one of our engines, the other one does as was recorded: then those two are compared, and that leads
/// to the block.
/// </summary>
/// <param name="guest">At its first instruction, writes tracked.</param>
/// <param name="recorded">At the beginning of a life.</param>
/// <param name="engine">What runs it: "interpreter" or "jit".</param>
/// <param name="limit">Instructions after which it is enough.</param>
/// <param name="withPair">Makes an interpreted and a translated Guest of the same life, and gives them to whoever asks.</param>
internal sealed class AgainstRecording(DeterministicGuest guest, RecordedRun recorded, string engine, long limit, Func<Func<GuestPair, LockstepResult>, LockstepResult> withPair)
{
    /// <summary>Instructions before a difference that the report tells of.</summary>
    private const long Lead = 8192;

    /// <summary>Instructions between two places to come back to.</summary>
    private const long LegInstructions = 20_000_000;

    private long _anchor = -1;

    private static readonly string[] s_names = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags"];

    private readonly bool _comparesOurs = recorded.Header.StateLayout == new RecordingHeader().StateLayout;

    /// <summary>Called now and then, with instructions and checkpoints so far.</summary>
    public Action<long, long>? Progress { get; init; }

    public LockstepResult Run()
    {
        long equal = 0;
        long checkpoints = 0;
        while (true)
        {
            if (recorded.Next() is not { } expected)
            {
                // What was recorded of this life is the beginning of it; so far it is the same.
                return new LockstepResult(equal, checkpoints, null, Stopped: false);
            }

            if (expected.Digest.Instructions > limit)
            {
                return new LockstepResult(equal, checkpoints, null, Stopped: false);
            }

            GuestEnd? end = guest.RunUntil(expected.Digest.Instructions);
            if (end?.Kind == GuestEndKind.Stopped)
            {
                return new LockstepResult(equal, checkpoints, null, Stopped: true);
            }

            if (end is null && expected.End is not null)
            {
                // An end comes after its last instruction, and so may a fault that leads to it. The Guest gets one more to come to it.
                end = guest.RunUntil(expected.Digest.Instructions + 1);
            }

            GuestDigest digest = guest.Digest();
            bool equalDigests = AreEqual(digest, expected.Digest);
            if (!equalDigests || !Equals(end, expected.End))
            {
                return Locate(new LockstepResult(equal, checkpoints, Describe(equal, digest, expected), Stopped: false), expected);
            }

            equal = digest.Instructions;
            if (_anchor < 0 || equal - _anchor >= LegInstructions || end is not null)
            {
                guest.Anchor();
                _anchor = equal;
            }

            checkpoints++;
            Progress?.Invoke(equal, checkpoints);
            if (end is not null)
            {
                return new LockstepResult(equal, checkpoints, null, Stopped: false);
            }
        }
    }

    private bool AreEqual(in GuestDigest digest, in GuestDigest other) =>
        _comparesOurs ? digest.Equals(other) : digest.WithoutOurs().Equals(other.WithoutOurs());

    /// <summary>Which of our two engines does as was recorded? If one does, the other can be held to it.</summary>
    /// <param name="found">A difference between two checkpoints.</param>
    /// <param name="expected">The second of them.</param>
    private LockstepResult Locate(LockstepResult found, RecordedCheckpoint expected)
    {
        LockstepResult result = withPair(pair => new Lockstep(pair, recorded.Header.Every, Math.Max(expected.Digest.Instructions, 1)) { Progress = Progress }.Run());
        if (result.Difference is not { } difference || result.Unlike is not { } unlike)
        {
            return found with
            {
                Difference = found.Difference! with
                {
                    Verdict = result.Stopped
                        ? "stopped before our two engines had been compared with each other"
                        : "our two engines agree with each other up to there and not with the recording: it was made by something else",
                },
            };
        }

        // Up to the checkpoint in question our Guest was as recorded.
        string? right = unlike.First.Digest.Instructions < expected.Digest.Instructions ? engine
            : IsAsRecorded(unlike.First, expected) ? "interpreter"
            : IsAsRecorded(unlike.Second, expected) ? "jit"
            : null;
        string verdict = right == null
            ? "our two engines disagree there, and neither does what was recorded"
            : $"the {right} does what was recorded, the {(right == "jit" ? "interpreter" : "jit")} does not";
        return result with
        {
            Equal = found.Equal,
            Checkpoints = found.Checkpoints,
            Difference = difference with { Verdict = verdict, Sides = ("interpreter", "jit") },
        };
    }

    private bool IsAsRecorded(in Checkpoint checkpoint, RecordedCheckpoint expected) =>
        checkpoint.Digest.Instructions == expected.Digest.Instructions && AreEqual(checkpoint.Digest, expected.Digest) && Equals(checkpoint.End, expected.End);

    private Difference Describe(long equal, in GuestDigest digest, RecordedCheckpoint expected)
    {
        RecordedCheckpoint ours = RecordedCheckpoint.Of(guest, in digest);
        var fields = new List<(StateField, StateField)>
        {
            (new("instructions", $"{digest.Instructions}"), new("instructions", $"{expected.Digest.Instructions}")),
            (new("end", $"{guest.End}"), new("end", $"{expected.End}")),
        };
        for (int i = 0; i < s_names.Length; i++)
        {
            fields.Add((new(s_names[i], $"{ours.Registers[i]:x8}"), new(s_names[i], $"{expected.Registers[i]:x8}")));
        }

        var difference = new Difference
        {
            Equal = equal,
            Unlike = expected.Digest.Instructions,
            First = new Checkpoint(digest, guest.End),
            Second = new Checkpoint(expected.Digest, expected.End),
            Fields = fields,
            Memory = [],
            MemoryBytes = 0,
        };
        if (_anchor < 0)
        {
            return difference;
        }

        // The way that this Guest took, up to where it was seen to differ.
        guest.Rollback();
        return difference with { Trace = BlockTrace.Record(guest, Math.Max(_anchor, digest.Instructions - Lead), digest.Instructions, digest.Instructions) };
    }
}
