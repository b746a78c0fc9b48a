namespace Lguest.Jit.Core.Tests.Silicon;

/// <summary>How an engine fared against the records of one form, or of many.</summary>
/// <param name="Forms">Distinct (mnemonic, operand form) pairs; what merely differs in prefixes or opcode bytes counts once.</param>
/// <param name="Sequences">Sequences of instructions.</param>
/// <param name="Vectors">Executions compared.</param>
/// <param name="Mismatches">Those that differ in something that is defined.</param>
/// <param name="Idiosyncrasies">Those that agree where it counts but differ from this processor in an undefined flag.</param>
/// <param name="Reports">The first mismatches of each form, readably.</param>
internal sealed record SiliconResult(IReadOnlySet<string> Forms, int Sequences, int Vectors, int Mismatches, int Idiosyncrasies, IReadOnlyList<string> Reports)
{
    public static SiliconResult Nothing { get; } = new(new HashSet<string>(), 0, 0, 0, 0, []);

    public static SiliconResult operator +(SiliconResult one, SiliconResult other) =>
        new(one.Forms.Union(other.Forms).ToHashSet(), one.Sequences + other.Sequences, one.Vectors + other.Vectors, one.Mismatches + other.Mismatches, one.Idiosyncrasies + other.Idiosyncrasies,
            [.. one.Reports, .. other.Reports]);

    public override string ToString() =>
        $"{Vectors:N0} vectors over {Forms.Count:N0} (mnemonic, operand form) pairs and {Sequences:N0} sequences: {Mismatches:N0} mismatches "
        + $"({Idiosyncrasies:N0} differ in undefined flags only)";
}
