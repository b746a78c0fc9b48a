using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.State;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Interpreter.Simd;

/// <summary>A register file as a type: XMM, MMX, or general registers that exchange values with them.</summary>
internal unsafe interface ISimdFile
{
    /// <summary>Raises what an instruction that names such a register raises before anything else.</summary>
    static abstract bool Ready(GuestCpu* cpu);

    /// <summary>A register, zeros above its width. <paramref name="register"/> is what <see cref="Op.Source"/> or <see cref="Op.Destination"/> holds.</summary>
    static abstract Vector Read(GuestCpu* cpu, byte register);

    /// <summary>Writes what the register has room for.</summary>
    static abstract void Write(GuestCpu* cpu, byte register, Vector value);

    /// <summary>The instruction has completed.</summary>
    static abstract void Touched(GuestCpu* cpu);
}

/// <summary>XMM0..XMM7, by number.</summary>
internal readonly unsafe struct XmmFile : ISimdFile
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Ready(GuestCpu* cpu) => cpu->Ts == 0 || Fault.Raise(cpu, Vectors.DeviceNotAvailable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector Read(GuestCpu* cpu, byte register) => cpu->Simd[register];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(GuestCpu* cpu, byte register, Vector value) => cpu->Simd[register] = value;

    public static void Touched(GuestCpu* cpu)
    {
    }
}

/// <summary>MM0..MM7, by number: significands of the x87's physical registers (SDM vol. 1 §9.2.1, §9.5.1).</summary>
internal readonly unsafe struct MmxFile : ISimdFile
{
    /// <summary>Sign and exponent of an x87 register after a write to its MMX alias.</summary>
    private const ushort AllOnes = 0xFFFF;

    public static bool Ready(GuestCpu* cpu)
    {
        if (cpu->Ts != 0)
        {
            return Fault.Raise(cpu, Vectors.DeviceNotAvailable);
        }

        return !X87.PendingException(cpu->Fpu) || Fault.Raise(cpu, Vectors.FloatingPoint);
    }

    public static Vector Read(GuestCpu* cpu, byte register) => Vector128.CreateScalar(cpu->Fpu.Registers[register].Significand).AsByte();

    public static void Write(GuestCpu* cpu, byte register, Vector value) =>
        cpu->Fpu.Registers[register] = new F80(value.AsUInt64().ToScalar(), AllOnes);

    public static void Touched(GuestCpu* cpu) => X87.EnterMmx(ref cpu->Fpu);
}

/// <summary>General registers, 32 bits, by offset.</summary>
internal readonly unsafe struct GeneralFile : ISimdFile
{
    public static bool Ready(GuestCpu* cpu) => true;

    public static Vector Read(GuestCpu* cpu, byte register) => Vector128.CreateScalar(Registers.Get32(cpu, register)).AsByte();

    public static void Write(GuestCpu* cpu, byte register, Vector value) => Registers.Set32(cpu, register, value.AsUInt32().ToScalar());

    public static void Touched(GuestCpu* cpu)
    {
    }
}
