using System.Runtime.InteropServices;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>Where in the CPU struct thunks find the x87 unit, and what is theirs.</summary>
internal static class X87Offsets
{
    public static readonly int Registers = MethodNames.Fpu;
    public static readonly int ControlWord = OfState(nameof(FpuState.ControlWord));
    public static readonly int StatusWord = OfState(nameof(FpuState.StatusWord));
    public static readonly int Tags = OfState(nameof(FpuState.Tags));
    public static readonly int LastOpcode = OfState(nameof(FpuState.LastOpcode));
    public static readonly int InstructionOffset = OfState(nameof(FpuState.InstructionOffset));
    public static readonly int InstructionSelector = OfState(nameof(FpuState.InstructionSelector));
    public static readonly int DataSelector = OfState(nameof(FpuState.DataSelector));
    public static readonly int DataOffset = OfState(nameof(FpuState.DataOffset));

    public static readonly int HostFlags = OfThunks(nameof(FpuThunkState.HostFlags));
    public static readonly int LoopBudget = OfThunks(nameof(FpuThunkState.LoopBudget));
    public static readonly int LoopFlags = OfThunks(nameof(FpuThunkState.LoopFlags));
    public static readonly int LoopBase = OfThunks(nameof(FpuThunkState.LoopBase));
    public static readonly int LoopExit = OfThunks(nameof(FpuThunkState.LoopExit));
    public static readonly int LoopRan = OfThunks(nameof(FpuThunkState.LoopRan));

    private static int OfState(string field) => MethodNames.Fpu + (int)Marshal.OffsetOf<FpuState>(field);

    private static int OfThunks(string field) => MethodNames.FpuThunks + (int)Marshal.OffsetOf<FpuThunkState>(field);
}
