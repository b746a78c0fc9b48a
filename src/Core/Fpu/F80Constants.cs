namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// The constants, rounded by the rounding control since the 80387: the ROM holds more bits than a register
/// (SDM vol. 1 §8.3.8). No exception, no C1.
/// </summary>
internal static class F80Constants
{
    public static F80 Load(F80Constant constant, F80RoundingMode mode) => constant switch
    {
        // All five are positive, so "up" is the only direction besides nearest that can leave the truncated value.
        F80Constant.Log2Of10 => Rounded(Bias + 1, 0xD49A_784B_CD1B_8AFE, roundsUp: false, mode),
        F80Constant.Log2OfE => Rounded(Bias, 0xB8AA_3B29_5C17_F0BB, roundsUp: true, mode),
        F80Constant.Pi => Rounded(Bias + 1, 0xC90F_DAA2_2168_C234, roundsUp: true, mode),
        F80Constant.Log10Of2 => Rounded(Bias - 2, 0x9A20_9A84_FBCF_F798, roundsUp: true, mode),
        F80Constant.LnOf2 => Rounded(Bias - 1, 0xB172_17F7_D1CF_79AB, roundsUp: true, mode),
        F80Constant.Zero => F80.PositiveZero,
        _ => F80.One,
    };

    private const int Bias = F80.Bias;

    /// <param name="truncated">The first 64 bits of the number.</param>
    /// <param name="roundsUp">The 65th.</param>
    private static F80 Rounded(int exponent, ulong truncated, bool roundsUp, F80RoundingMode mode)
    {
        bool up = mode == F80RoundingMode.Up || (mode == F80RoundingMode.NearestEven && roundsUp);
        return new F80(false, exponent, truncated + (up ? 1UL : 0));
    }
}
