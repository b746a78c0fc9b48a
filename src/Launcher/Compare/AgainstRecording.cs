using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>
/// One Guest, held to what was recorded of it: digest by digest. There is no second Guest to go back with, so a difference is told by the two
/// checkpoints around it, with the registers that were recorded.
/// </summary>
/// <param name="guest">At its first instruction, writes tracked.</param>
/// <param name="recorded">At the beginning of a life.</param>
/// <param name="limit">Instructions after which it is enough.</param>
internal sealed class AgainstRecording(DeterministicGuest guest, RecordedRun recorded, long limit)
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
            bool equalDigests = _comparesOurs ? digest.Equals(expected.Digest) : digest.WithoutOurs().Equals(expected.Digest.WithoutOurs());
            if (!equalDigests || !Equals(end, expected.End))
            {
                return new LockstepResult(equal, checkpoints, Describe(equal, digest, expected), Stopped: false);
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
