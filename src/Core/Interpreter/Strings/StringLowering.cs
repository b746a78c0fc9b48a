using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Strings;

internal static class StringLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
