namespace Lguest.Jit.Core.Interpreter.Bits;

/// <summary>Shifts, rotates, and instructions on single bits.</summary>
internal static class BitLowering
{
    public static void Register(Lower?[] table)
    {
        ShiftInstructions.Register(table);
        BitTests.Register(table);
    }
}
