using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

internal static class ArithmeticLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
