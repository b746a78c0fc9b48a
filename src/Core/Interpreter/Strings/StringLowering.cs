using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Strings;

/// <summary>MOVS, CMPS, SCAS, STOS, LODS in their three widths, repeated or not. INS and OUTS fault like IN and OUT.</summary>
internal static unsafe class StringLowering
{
    public static void Register(Lower?[] table)
    {
        Add(table, typeof(MoveString<>), Mnemonic.Movsb, Mnemonic.Movsw, Mnemonic.Movsd);
        Add(table, typeof(CompareString<>), Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd);
        Add(table, typeof(ScanString<>), Mnemonic.Scasb, Mnemonic.Scasw, Mnemonic.Scasd);
        Add(table, typeof(StoreString<>), Mnemonic.Stosb, Mnemonic.Stosw, Mnemonic.Stosd);
        Add(table, typeof(LoadString<>), Mnemonic.Lodsb, Mnemonic.Lodsw, Mnemonic.Lodsd);
    }

    private static void Add(Lower?[] table, Type operation, Mnemonic bytes, Mnemonic words, Mnemonic doublewords)
    {
        table[(int)bytes] = For(operation.MakeGenericType(typeof(W8)));
        table[(int)words] = For(operation.MakeGenericType(typeof(W16)));
        table[(int)doublewords] = For(operation.MakeGenericType(typeof(W32)));
    }

    private static Lower For(Type operation) => (OpWriter w, in Instruction instruction) =>
    {
        bool repeated = instruction.HasRepPrefix || instruction.HasRepnePrefix;
        string method = repeated ? nameof(StringHandlers.Repeat) : nameof(StringHandlers.Once);
        ref Op op = ref w.Emit(HandlerBinder.Bind(typeof(StringHandlers), method, operation));
        op.Segment = (byte)OpWriter.SegmentNumber(instruction.MemorySegment);
        for (int i = 0; i < instruction.OpCount; i++)
        {
            switch (instruction.GetOpKind(i))
            {
                case OpKind.MemorySegSI:
                case OpKind.MemorySegDI:
                case OpKind.MemoryESDI:
                    op.Traits |= OpTraits.Address16;
                    break;
            }
        }
    };
}
