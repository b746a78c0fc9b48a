using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Execution;

/// <summary>
/// How a fault is said: a record in the CPU struct and a <c>false</c> up the call chain. Guest faults never travel as
/// .NET exceptions (design §12.2). All methods return false so that they can be returned.
/// </summary>
internal static unsafe class Fault
{
    /// <summary>#PF error code bits (SDM vol. 3, §4.7).</summary>
    public const uint PagePresent = 1;
    public const uint PageWrite = 2;
    public const uint PageUser = 4;

    public static bool Raise(GuestCpu* cpu, int vector, uint errorCode = 0)
    {
        cpu->Exit = ExitReason.Fault;
        cpu->FaultVector = vector;
        cpu->FaultErrorCode = errorCode;
        return false;
    }

    /// <summary>#GP with an error code (0, or selector and TI bits).</summary>
    public static bool GeneralProtection(GuestCpu* cpu, uint errorCode = 0) => Raise(cpu, Vectors.GeneralProtection, errorCode);

    public static bool InvalidOpcode(GuestCpu* cpu) => Raise(cpu, Vectors.InvalidOpcode);

    public static bool Page(GuestCpu* cpu, uint address, bool present, bool write, bool user)
    {
        cpu->FaultAddress = address;
        return Raise(cpu, Vectors.PageFault, (present ? PagePresent : 0) | (write ? PageWrite : 0) | (user ? PageUser : 0));
    }

    /// <summary>kill_guest from inside an instruction: the engine returns <see cref="ExitReason.Kill"/>.</summary>
    public static bool Kill(GuestCpu* cpu, string reason)
    {
        GuestMachine.Of(cpu).Kill(reason);
        cpu->Exit = ExitReason.Kill;
        return false;
    }
}
