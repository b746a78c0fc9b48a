namespace Lguest.Jit.Core.Tests.Silicon;

/// <summary>How an engine fared against the records of one form, or of many.</summary>
internal sealed record SiliconResult(int Forms, int Pairs, int Vectors, int Mismatches, IReadOnlyList<string> Reports)
{
    public static SiliconResult Nothing { get; } = new(0, 0, 0, 0, []);

    public static SiliconResult operator +(SiliconResult one, SiliconResult other) =>
        new(one.Forms + other.Forms, one.Pairs + other.Pairs, one.Vectors + other.Vectors, one.Mismatches + other.Mismatches,
            [.. one.Reports, .. other.Reports]);

    public override string ToString() =>
        $"{Vectors:N0} vectors over {Forms:N0} (mnemonic, operand form) pairs and {Pairs:N0} sequences of two: {Mismatches:N0} mismatches";
}
