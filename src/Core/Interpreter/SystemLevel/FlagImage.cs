using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>EFLAGS as PUSHF, POPF and IRET move it at CPL &gt; IOPL = 0.</summary>
internal static unsafe class FlagImage
{
    private const uint Loadable = Eflags.Trap | Eflags.Direction | Eflags.NestedTask | Eflags.AlignmentCheck | Eflags.Identification;

    /// <summary>Loads what an image of this width may change. The caller calls <see cref="Segments.UpdateMode"/>.</summary>
    public static void Load<TWidth>(GuestCpu* cpu, uint image)
        where TWidth : struct, IWidth
    {
        uint mask = Loadable & TWidth.Mask;
        LazyFlags.Set(cpu, image);
        cpu->SystemFlags = (cpu->SystemFlags & ~mask) | (image & mask);
    }

    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Pushf] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(PushFlags<W16>)));
        table[(int)Mnemonic.Pushfd] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(PushFlags<W32>)));
        table[(int)Mnemonic.Popf] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.ModeSensitive(typeof(PopFlags<W16>)));
        table[(int)Mnemonic.Popfd] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.ModeSensitive(typeof(PopFlags<W32>)));
    }
}

/// <summary>PUSHF: VM and RF read as 0.</summary>
internal readonly unsafe struct PushFlags<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op) =>
        Access.Push<TWidth>(cpu, LazyFlags.Read(cpu) & ~(Eflags.Resume | Eflags.Virtual8086) & TWidth.Mask);
}

/// <summary>POPF. TF or AC may have changed, and then the block is left behind it.</summary>
internal readonly unsafe struct PopFlags<TWidth> : IInstruction
    where TWidth : struct, IWidth
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!Access.Pop<TWidth>(cpu, out uint image))
        {
            return false;
        }

        FlagImage.Load<TWidth>(cpu, image);
        Segments.UpdateMode(cpu);
        return true;
    }
}
