using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Alu;

internal static class AluLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
