using Iced.Intel;
using Lguest.Jit.Launcher.Tour;

namespace Lguest.Jit.Launcher.Bench;

/// <summary>What a kernel has to say to what is under it, in the words of that.</summary>
internal abstract class BenchStage(CodeBuilder builder)
{
    protected CodeBuilder Builder { get; } = builder;

    protected Assembler C => Builder.Asm;

    /// <summary>Introduces itself; a stack; empty tables.</summary>
    /// <param name="timerHandler">Ends in the iret that nothing may interrupt.</param>
    public abstract void EmitBegin(uint timerHandler);

    /// <param name="vector">0..255.</param>
    /// <param name="handler">Virtual address.</param>
    /// <param name="type">Bits 8..15 of the gate's high word.</param>
    public abstract void EmitGate(byte vector, uint handler, byte type);

    /// <summary>Everything else that must be there before ring 3 runs: segments, and a stack for what comes from there.</summary>
    public abstract void EmitReady();

    /// <summary>Switches page directories. Clobbers eax and ebx.</summary>
    public abstract void EmitDirectory(uint physical);

    /// <summary>From here on the directory counts, if it did not already.</summary>
    public abstract void EmitPagingOn();

    /// <summary>Drops all translations of the user's. Clobbers eax; keeps the others.</summary>
    public abstract void EmitFlushUser();

    /// <summary>The address that faulted, to eax.</summary>
    public abstract void EmitFaultAddress();

    /// <summary>A page has been mapped that was not there: its number in the table is in eax, its entry in edx, both may go.</summary>
    public abstract void EmitAnnouncePage();

    /// <summary>Goes to ring 3, for good.</summary>
    public abstract void EmitEnterUser(uint address);

    /// <summary>Writes the letter in al to whoever has the stopwatch. Clobbers eax and edx.</summary>
    public abstract void EmitMark();

    /// <summary>The last letter, and the end of the Guest.</summary>
    public abstract void EmitEnd();

    /// <summary>Constants, behind all code.</summary>
    public abstract void EmitData();

    /// <summary>A frame for ring 3.</summary>
    /// <param name="address">Of the first instruction there.</param>
    /// <param name="flags">EFLAGS there.</param>
    protected void EmitUserFrame(uint address, uint flags)
    {
        C.push(0x7B);
        C.push(BenchLayout.UserStackTop);
        C.push(flags);
        C.push(0x73);
        C.push(address);
        C.iretd();
    }
}
