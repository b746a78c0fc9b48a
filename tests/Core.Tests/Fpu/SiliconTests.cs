using Lguest.Jit.Core.Fpu;

namespace Lguest.Jit.Core.Tests.Fpu;

/// <summary>Every instruction form against the recorded answers of a real processor.</summary>
public class SiliconTests
{
    [Theory]
    [InlineData("arithmetic")]
    [InlineData("compare")]
    [InlineData("control")]
    [InlineData("load")]
    [InlineData("store")]
    [InlineData("top")]
    public void Answers_like_silicon_to_the_last_bit(string table) => Assert.Empty(Differences(table, ulpsAllowed: 0, ignoredStatus: 0));

    /// <summary>Hardware is allowed an ulp, and takes it once in a hundred; C1 follows from which side it erred to.</summary>
    [Fact]
    public void Transcendentals_stay_within_one_ulp_of_silicon() =>
        Assert.Empty(Differences("transcendental", ulpsAllowed: 1, ignoredStatus: FpuStatus.C1));

    private static List<string> Differences(string table, int ulpsAllowed, int ignoredStatus)
    {
        List<string> differences = [];
        foreach (SiliconCase expected in SiliconTable.Read(table))
        {
            string actual = Run(expected, ulpsAllowed, ignoredStatus);
            if (actual.Length != 0)
                differences.Add(expected.Line + "  but " + actual);
        }
        return differences;
    }

    private static string Run(SiliconCase expected, int ulpsAllowed, int ignoredStatus)
    {
        FpuState f = expected.Before;
        X87Operation op = X87Decoder.Classify(expected.Escape, expected.ModRm);
        byte[] memory = new byte[16];
        expected.Load.CopyTo(memory, 0);
        X87Result result = X87.Execute(ref f, op, memory, expected.Eflags);

        int status = Convert.ToInt32(expected.Status, 16);
        if (((f.StatusWord ^ status) & ~ignoredStatus) != 0)
            return $"status {f.StatusWord:X4}";
        for (int i = 0; i < expected.Stack.Length; i++)
        {
            F80 value = X87.St(ref f, i);
            if (Ulps(value, expected.Stack[i]) > ulpsAllowed)
                return $"ST({i}) {value}";
        }
        if (f.TagWord.ToString("X4") != expected.Tags && ulpsAllowed == 0)
            return $"tags {f.TagWord:X4}";
        string stored = result.Store ? Convert.ToHexString(memory, 0, op.Width) : "-";
        if (stored != expected.Store)
            return $"memory {stored}";
        uint flags = result.SetsFlags ? result.Flags : expected.Eflags;
        if (flags != expected.Flags)
            return $"eflags {flags:X2}";
        string ax = result.SetsAx ? result.Ax.ToString("X4") : "-";
        return ax != expected.Ax ? $"ax {ax}" : "";
    }

    private static Int128 Ulps(F80 left, F80 right) => left == right ? 0 : Int128.Max(1, Int128.Abs(Place(left) - Place(right)));

    /// <summary>Numbers in the order of their values, one apart where they are neighbours.</summary>
    private static Int128 Place(F80 value)
    {
        Int128 magnitude = ((Int128)Math.Max(value.Exponent, 1) << 63) + value.Significand;
        return value.IsNegative ? -magnitude : magnitude;
    }
}
