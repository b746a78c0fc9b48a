using Iced.Intel;

namespace Lguest.Jit.Translator.Emit;

/// <summary>Which general registers instructions read and write (all eight as bits), by Iced's tables.</summary>
internal sealed class RegisterUse
{
    private readonly InstructionInfoFactory _factory = new();

    /// <summary>Bits of the registers used at all, and of those written.</summary>
    public (ushort Used, ushort Written) Of(in Instruction instruction)
    {
        ushort used = 0;
        ushort written = 0;
        InstructionInfo info = _factory.GetInfo(instruction);
        foreach (UsedRegister register in info.GetUsedRegisters())
        {
            if (!Core.Interpreter.OpWriter.IsGeneral(register.Register))
            {
                continue;
            }

            var bit = (ushort)(1 << RegionContext.RegisterNumber(register.Register));
            used |= bit;
            if (register.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite)
            {
                written |= bit;
            }
        }

        return (used, written);
    }
}
