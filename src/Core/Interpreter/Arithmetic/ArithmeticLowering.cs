namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>Multiplication, division, decimal, exchanges, flags and conditionals.</summary>
internal static class ArithmeticLowering
{
    public static void Register(Lower?[] table)
    {
        MultiplyDivide.Register(table);
        Decimal.Register(table);
        ExchangeInstructions.Register(table);
        FlagInstructions.Register(table);
        ConditionalInstructions.Register(table);
    }
}
