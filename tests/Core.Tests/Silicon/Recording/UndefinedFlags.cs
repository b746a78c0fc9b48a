namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>
/// The flags that are recorded but not compared, and why. A flag that the manuals call undefined is left <i>out</i> of
/// this table, and so is compared, where AMD and Intel cores are known to agree: AF = 0 after AND, OR, XOR and TEST;
/// all but CF untouched by BT, BTS, BTR and BTC; CF, OF and AF cleared by AAM. "Zen 4" below is what the records
/// show; what is said of Intel's cores is from sandpile.org's table of undefined flags.
/// </summary>
internal static class UndefinedFlags
{
    private const uint AllButCarryAndOverflow = Flag.Sign | Flag.Zero | Flag.Adjust | Flag.Parity;

    /// <param name="Mnemonics">Instructions it holds for.</param>
    /// <param name="Flags">What is not compared.</param>
    /// <param name="Reason">Why not.</param>
    /// <param name="When">Given the count (masked to five bits; 0 where there is none) and the operand's width in bits.</param>
    public sealed record Rule(string[] Mnemonics, uint Flags, string Reason, Func<int, int, bool> When);

    public static IReadOnlyList<Rule> Table { get; } =
    [
        new(["MUL", "IMUL"], AllButCarryAndOverflow,
            "SDM and APM: undefined. Zen 4 and the P6 leave them alone, the P4 sets SF, ZF and PF and clears AF.", Always),
        new(["DIV", "IDIV"], Flag.Status,
            "SDM and APM: all six undefined. The P6 and P4 leave them alone; Zen 4 sets AF, clears SF, ZF and PF, keeps CF and OF.", Always),
        new(["SHL", "SAL", "SHR", "SAR"], Flag.Adjust,
            "SDM and APM: AF undefined after a non-zero count. Zen 4 and the P5 set it, the P6 leaves it alone, the P4 clears it.", NonZero),
        new(["SHL", "SAL", "SHR", "SAR"], Flag.Overflow,
            "SDM and APM: OF is defined for counts of 1 only (and 0, which changes nothing). Zen 4 computes it from the last step, the P6 leaves it.",
            MoreThanOne),
        new(["SHL", "SAL", "SHR"], Flag.Carry,
            "SDM: CF undefined when the count reaches the width; Intel's cores have disagreed. Zen 4: the last bit out, 0 beyond.",
            static (count, bits) => count >= bits),
        new(["ROL", "ROR", "RCL", "RCR"], Flag.Overflow,
            "SDM and APM: OF is defined for counts of 1 only. Zen 4 computes it from the result, the P6 leaves it alone.", MoreThanOne),
        new(["SHLD", "SHRD"], Flag.Adjust,
            "SDM and APM: AF undefined after a non-zero count. Zen 4 and the P5 set it, the P6 leaves it alone, the P4 clears it.", NonZero),
        new(["SHLD", "SHRD"], Flag.Overflow,
            "SDM and APM: OF is defined for counts of 1 only. Zen 4 computes it, the P6 leaves it alone.", MoreThanOne),
        new(["BSF", "BSR"], Flag.Carry | Flag.Overflow | Flag.Sign | Flag.Adjust | Flag.Parity,
            "SDM and APM: only ZF is defined. Zen 4 clears them and computes PF, the P6 leaves all alone, the P4 sets PF for a zero source.", Always),
        new(["AAA", "AAS"], Flag.Overflow | Flag.Sign | Flag.Zero | Flag.Parity,
            "SDM and APM: undefined; three Intel cores, three behaviours; Zen 4 takes them from the 16-bit sum.", Always),
        new(["DAA", "DAS"], Flag.Overflow,
            "SDM and APM: OF undefined; the P6 leaves it alone, the P4 and Core 2 clear it, Zen 4 computes it.", Always),
        new(["AAD"], Flag.Overflow | Flag.Adjust | Flag.Carry,
            "SDM and APM: undefined; Zen 4 and the P5 report those of the 8-bit addition, other cores differ.", Always),
    ];

    public static Rule[] For(string mnemonic) => [.. Table.Where(rule => rule.Mnemonics.Contains(mnemonic))];

    private static bool Always(int count, int bits) => true;

    private static bool NonZero(int count, int bits) => count != 0;

    private static bool MoreThanOne(int count, int bits) => count > 1;
}
