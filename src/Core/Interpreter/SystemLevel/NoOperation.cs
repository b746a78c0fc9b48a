using Iced.Intel;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>
/// NOP in all its disguises: 0F 1F, PAUSE, and the hint encodings 0F 0D and 0F 18..1E, which do nothing on a CPU that
/// does not know the hint. Memory operands are not touched.
/// </summary>
internal readonly unsafe struct NoOperation : IInstruction
{
    public static void Register(Lower?[] table)
    {
        Mnemonic[] hints =
        [
            Mnemonic.Nop, Mnemonic.Reservednop, Mnemonic.Pause, Mnemonic.Endbr32, Mnemonic.Endbr64, Mnemonic.Cldemote,
            Mnemonic.Prefetch, Mnemonic.Prefetchw, Mnemonic.Prefetchwt1, Mnemonic.Prefetchnta, Mnemonic.Prefetcht0,
            Mnemonic.Prefetcht1, Mnemonic.Prefetcht2, Mnemonic.Rdsspd, Mnemonic.Bndmov, Mnemonic.Bndcl, Mnemonic.Bndcu,
            Mnemonic.Bndcn, Mnemonic.Bndldx, Mnemonic.Bndstx, Mnemonic.Bndmk,
        ];
        foreach (Mnemonic mnemonic in hints)
        {
            table[(int)mnemonic] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(NoOperation)));
        }
    }

    public static bool Execute(GuestCpu* cpu, Op* op) => true;
}
