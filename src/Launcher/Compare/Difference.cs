using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>Bytes of RAM that are not the same.</summary>
/// <param name="Physical">Guest-physical address of the first.</param>
/// <param name="First">What the first Guest has there.</param>
/// <param name="Second">What the second has.</param>
internal sealed record MemoryDifference(uint Physical, byte[] First, byte[] Second);

/// <summary>That two Guests differ, where, and in what.</summary>
internal sealed record Difference
{
    /// <summary>Differing stretches of memory that a report shows.</summary>
    private const int MostStretches = 32;

    /// <summary>Bytes shown of one.</summary>
    private const int MostBytes = 64;

    /// <summary>Instructions after which they were equal.</summary>
    public required long Equal { get; init; }

    /// <summary>Instructions after which they were not.</summary>
    public required long Unlike { get; init; }

    /// <summary>There is one instruction between the two: the block is known.</summary>
    public bool IsNarrow { get; init; }

    /// <summary>It was found with every block asking for its budget. If not, it may be in one of the blocks shortly before.</summary>
    public bool IsExact { get; init; }

    public required Checkpoint First { get; init; }

    public required Checkpoint Second { get; init; }

    /// <summary>The state of both, field by field; after <see cref="Unlike"/> instructions, or later if it could not be narrowed down.</summary>
    public required IReadOnlyList<(StateField First, StateField Second)> Fields { get; init; }

    public required IReadOnlyList<MemoryDifference> Memory { get; init; }

    /// <summary>Differing bytes in all.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>The way to it, if it is narrow.</summary>
    public BlockTrace? Trace { get; init; }

    /// <summary>What the second Guest's translator made of the block, newest first; none: it was interpreted, or is not known.</summary>
    public IReadOnlyList<Translation> Translations { get; init; } = [];

    /// <summary>Names of the two sides, where they are not those of the whole comparison.</summary>
    public (string First, string Second)? Sides { get; init; }

    /// <summary>For a difference from a recording: which of our engines is to blame; null: there is nothing to say.</summary>
    public string? Verdict { get; init; }

    /// <summary>Describes two Guests as they are now.</summary>
    public static Difference Of(GuestPair pair, long equal, long unlike, Checkpoint first, Checkpoint second)
    {
        IReadOnlyList<StateField> ours = StateField.Of(pair.First);
        IReadOnlyList<StateField> theirs = StateField.Of(pair.Second);
        IEnumerable<uint> frames = pair.First.FramesSinceAnchor.Union(pair.Second.FramesSinceAnchor).Order();
        (List<MemoryDifference> memory, long bytes) = CompareMemory(pair.First.Machine.Ram, pair.Second.Machine.Ram, frames);
        return new Difference
        {
            Equal = equal,
            Unlike = unlike,
            First = first,
            Second = second,
            Fields = [.. ours.Zip(theirs)],
            Memory = memory,
            MemoryBytes = bytes,
        };
    }

    /// <summary>They were different before they began: another kernel, another size.</summary>
    public static Difference AtStart(GuestPair pair, Checkpoint first, Checkpoint second) => Of(pair, 0, 0, first, second);

    private static unsafe (List<MemoryDifference> Stretches, long Bytes) CompareMemory(GuestRam first, GuestRam second, IEnumerable<uint> frames)
    {
        var stretches = new List<MemoryDifference>();
        long bytes = 0;
        foreach (uint frame in frames)
        {
            uint start = frame * GuestRam.PageSize;
            var ours = new ReadOnlySpan<byte>(first.Base + start, GuestRam.PageSize);
            var theirs = new ReadOnlySpan<byte>(second.Base + start, GuestRam.PageSize);
            for (int i = 0; i < ours.Length; i++)
            {
                if (ours[i] == theirs[i])
                {
                    continue;
                }

                int length = 1;
                while (i + length < ours.Length && ours[i + length] != theirs[i + length])
                {
                    length++;
                }

                bytes += length;
                if (stretches.Count < MostStretches)
                {
                    int shown = Math.Min(length, MostBytes);
                    stretches.Add(new MemoryDifference(start + (uint)i, ours.Slice(i, shown).ToArray(), theirs.Slice(i, shown).ToArray()));
                }

                i += length;
            }
        }

        return (stretches, bytes);
    }
}
