namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>Everything that deals with segments, privilege, traps, the machine itself, or nothing at all.</summary>
/// <remarks>Registered after the general MOV, PUSH, POP, CALL and JMP, whose special operands it claims.</remarks>
internal static class SystemLowering
{
    public static void Register(Lower?[] table)
    {
        FaultLowering.Register(table);
        SegmentMoves.Register(table);
        FarTransferLowering.Register(table);
        FlagImage.Register(table);
        SoftwareInterrupts.Register(table);
        DescriptorQueries.Register(table);
        MachineQueries.Register(table);
        StackFrames.Register(table);
        NoOperation.Register(table);
    }

    public static void Move(OpWriter w, in Instruction i) => throw new InvalidOperationException();
    public static void FarJump(OpWriter w, in Instruction i) => throw new InvalidOperationException();
    public static void FarCall(OpWriter w, in Instruction i) => throw new InvalidOperationException();
    public static void PushSegment(OpWriter w, in Instruction i) => throw new InvalidOperationException();
    public static void PopSegment(OpWriter w, in Instruction i) => throw new InvalidOperationException();
}
