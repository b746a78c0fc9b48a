namespace Lguest.Jit.Core.Tests.Silicon.Vectors;

/// <summary>
/// The flags that are recorded but not compared, and why. A flag that the manuals call undefined is left <i>out</i> of
/// this table, and so is compared, where AMD and Intel cores are known to agree: AF = 0 after AND, OR, XOR and TEST;
/// all but CF untouched by BT, BTS, BTR and BTC.
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
            "SDM and APM: undefined. AMD leaves them as they were, Intel since the P4 sets SF and PF from the low half.", Always),
        new(["DIV", "IDIV"], Flag.Status,
            "SDM and APM: all six undefined. The P6 leaves them alone, AMD and later Intel cores each leave traces of their dividers.", Always),
        new(["SHL", "SAL", "SHR", "SAR"], Flag.Adjust,
            "SDM and APM: AF undefined after a non-zero count. Untouched on the P6, cleared on the P4, set on the 386.", NonZero),
        new(["SHL", "SAL", "SHR", "SAR"], Flag.Overflow,
            "SDM and APM: OF is defined for counts of 1 only (and 0, which changes nothing).", MoreThanOne),
        new(["SHL", "SAL", "SHR"], Flag.Carry,
            "SDM: CF undefined when the count reaches the width; generations differ between 0 and the last bit for count = width.",
            static (count, bits) => count >= bits),
        new(["ROL", "ROR", "RCL", "RCR"], Flag.Overflow,
            "SDM and APM: OF is defined for counts of 1 only. P6 leaves it alone, others compute it as for 1.", MoreThanOne),
        new(["SHLD", "SHRD"], Flag.Adjust,
            "SDM and APM: AF undefined after a non-zero count.", NonZero),
        new(["SHLD", "SHRD"], Flag.Overflow,
            "SDM and APM: OF is defined for counts of 1 only.", MoreThanOne),
        new(["BSF", "BSR"], Flag.Carry | Flag.Overflow | Flag.Sign | Flag.Adjust | Flag.Parity,
            "SDM and APM: only ZF is defined. Old Intel cores compute PF and clear CF, the P6 and AMD leave them.", Always),
        new(["AAA", "AAS"], Flag.Overflow | Flag.Sign | Flag.Zero | Flag.Parity,
            "SDM and APM: undefined; sandpile.org lists three different behaviours for three Intel cores.", Always),
        new(["DAA", "DAS"], Flag.Overflow,
            "SDM and APM: OF undefined; untouched on the P6, cleared on the P4 and on Core 2.", Always),
        new(["AAM", "AAD"], Flag.Overflow | Flag.Adjust | Flag.Carry,
            "SDM and APM: undefined; for AAD the P5 and P4 report the addition's, others clear them.", Always),
    ];

    public static Rule[] For(string mnemonic) => [.. Table.Where(rule => rule.Mnemonics.Contains(mnemonic))];

    private static bool Always(int count, int bits) => true;

    private static bool NonZero(int count, int bits) => count != 0;

    private static bool MoreThanOne(int count, int bits) => count > 1;
}
