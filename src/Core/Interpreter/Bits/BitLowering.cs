using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Bits;

internal static class BitLowering
{
    public static void Register(Lower?[] table)
    {
        _ = table[(int)Mnemonic.Nop];
    }
}
