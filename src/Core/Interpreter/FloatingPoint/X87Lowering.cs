using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.FloatingPoint;

internal static class X87Lowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
