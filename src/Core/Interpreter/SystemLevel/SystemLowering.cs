using Iced.Intel;
using Lguest.Jit.Core.Traps;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>Everything that deals with segments, privilege, traps, the machine itself, or nothing at all.</summary>
internal static class SystemLowering
{
    public static void Register(Lower?[] table)
    {
        FaultLowering.Register(table);
        SegmentMoves.Register(table);
        FarTransferLowering.Register(table);
        FlagImage.Register(table);
        SoftwareInterrupts.Register(table);
        FastSystemCall.Register(table);
        DescriptorQueries.Register(table);
        MachineQueries.Register(table);
        StackFrames.Register(table);
        NoOperation.Register(table);
    }

    /// <summary>MOV to or from a segment, control or debug register; the general MOV sends them here.</summary>
    public static void Move(OpWriter w, in Instruction i) => SegmentMoves.Move(w, in i);

    /// <summary>JMP far, direct or through memory.</summary>
    public static void FarJump(OpWriter w, in Instruction i) => FarTransferLowering.Transfer(w, in i);

    /// <summary>CALL far, direct or through memory.</summary>
    public static void FarCall(OpWriter w, in Instruction i) => FarTransferLowering.Transfer(w, in i);

    /// <summary>PUSH sreg.</summary>
    public static void PushSegment(OpWriter w, in Instruction i) => SegmentMoves.Push(w, in i);

    /// <summary>POP sreg.</summary>
    public static void PopSegment(OpWriter w, in Instruction i) => SegmentMoves.Pop(w, in i);
}
