using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <summary>
/// emulate_insn (tools/lguest/lguest.c): the few privileged instructions that a paravirtual kernel still executes. They arrive as
/// general protection faults with error code 0 in ring 1. Works before INIT too; the decompressor talks to ports.
/// </summary>
internal sealed unsafe class InstructionEmulator(GuestContext context, IPortIo ports)
{
    private const byte Cli = 0xFA;
    private const byte OperandSizePrefix = 0x66;
    private const byte TwoByteEscape = 0x0F;
    private const byte MovFromControlRegister = 0x20;

    /// <summary>The eight forms, E4..E7 and EC..EF: bit 0 = wide, bit 1 = out, bit 3 = port in DX.</summary>
    private const byte FormsMask = 0b1111_0100;
    private const byte FormsValue = 0xE4;
    private const byte WideBit = 1;
    private const byte OutBit = 2;
    private const byte PortInDxBit = 8;

    /// <summary>PE and ET; neither EM nor TS.</summary>
    private const uint EarlyCr0 = 0x11;

    /// <summary>
    /// Tries the instruction at eip. On success eip is past it and it has been counted; flags do not change, and of eax only
    /// as many bits as were read.
    /// </summary>
    /// <returns>False: not one of ours; the Guest gets its fault back.</returns>
    public bool EmulateInsn()
    {
        GuestCpu* cpu = context.Cpu;
        if (cpu->Cpl == 3 || !Fetch(0, out byte opcode))
        {
            return false;
        }

        if (opcode == Cli)
        {
            // It has disabled interrupts in memory long ago; this one is left over from a 486.
            Advance(1);
            return true;
        }

        if (opcode == TwoByteEscape)
        {
            return EmulateControlRegisterRead();
        }

        uint length = 1;
        bool prefixed = opcode == OperandSizePrefix;
        if (prefixed && !Fetch(length++, out opcode))
        {
            return false;
        }

        if ((opcode & FormsMask) != FormsValue)
        {
            return false;
        }

        ushort port = (ushort)cpu->Gpr[Reg.Edx];
        if ((opcode & PortInDxBit) == 0)
        {
            if (!Fetch(length++, out byte immediate))
            {
                return false;
            }

            port = immediate;
        }

        bool code32 = (GuestCpu.Segment(cpu, Seg.Cs)->Attributes & SegmentRegister.Big) != 0;
        int size = (opcode & WideBit) == 0 ? 1 : code32 != prefixed ? 4 : 2;

        // Advance first: what the port does may want to see a CPU that is through with the instruction.
        Advance(length);
        Access(port, size, (opcode & OutBit) != 0);
        return true;
    }

    /// <summary>
    /// MOV r32, CR4 or CR0 while the Guest has no gate for #GP yet; lguest's own Launcher gave up there. Some 4.1 kernels look at CR4
    /// (cr4_init_shadow) before they have an IDT: 0 is what the fixup of that very instruction would have given. The decompressor of a
    /// kernel with RANDOMIZE_BASE looks at CR0 (arch/x86/boot/cpuflags.c, has_fpu), to see whether it may use the x87: it may.
    /// </summary>
    private bool EmulateControlRegisterRead()
    {
        GuestCpu* cpu = context.Cpu;
        if (cpu->Idt[Vectors.GeneralProtection] != 0 || !Fetch(1, out byte opcode) || opcode != MovFromControlRegister
            || !Fetch(2, out byte modrm) || ((modrm >> 3) & 7) is not (0 or 4))
        {
            return false;
        }

        cpu->Gpr[modrm & 7] = ((modrm >> 3) & 7) == 0 ? EarlyCr0 : 0;
        Advance(3);
        return true;
    }

    private void Access(ushort port, int size, bool isOut)
    {
        ref uint eax = ref context.Cpu->Gpr[Reg.Eax];
        uint mask = size == 4 ? uint.MaxValue : (1u << (8 * size)) - 1;
        context.Statistics.PortAccesses++;
        if (isOut)
        {
            ports.Out(port, size, eax & mask);
        }
        else
        {
            eax = (eax & ~mask) | (ports.In(port, size) & mask);
        }
    }

    private void Advance(uint length)
    {
        context.Cpu->Eip += length;
        context.Cpu->Retired++;
    }

    /// <summary>
    /// One byte of the instruction. Only bytes that belong to it are ever fetched, so this sees no page that the engine did not
    /// see when it decoded it. (lguest copied 7 bytes at a time.)
    /// </summary>
    private bool Fetch(uint offset, out byte value)
    {
        GuestCpu* cpu = context.Cpu;
        Span<byte> one = stackalloc byte[1];
        uint linear = GuestCpu.Segment(cpu, Seg.Cs)->Base + cpu->Eip + offset;
        bool fetched = ColdAccess.TranslateFetch(cpu, linear, out uint physical) && context.Machine.Ram.TryRead(physical, one);
        value = one[0];
        return fetched;
    }
}
