using System.Buffers.Binary;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>Writes bzImages: a real-mode part that is only a header, and any payload.</summary>
internal sealed class BzImageBuilder
{
    public byte SetupSectors { get; set; } = 1;

    /// <summary>Written to setup_sects if not null, whatever the layout is.</summary>
    public byte? SetupSectorsField { get; set; }

    public ushort Version { get; set; } = 0x020D;

    public byte LoadFlags { get; set; } = 1;

    public ushort ExtendedLoadFlags { get; set; }

    public bool Relocatable { get; set; } = true;

    public ulong PreferredAddress { get; set; } = 0x1000000;

    public uint InitSize { get; set; } = 0x100000;

    public uint Entry { get; set; } = 0x100000;

    public byte[] Payload { get; set; } = [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xEB, 0xFE];

    /// <summary>Paragraphs that syssize promises beyond the payload.</summary>
    public uint MissingParagraphs { get; set; }

    public byte[] Build()
    {
        int payloadOffset = (SetupSectors + 1) * 512;
        byte[] image = new byte[payloadOffset + Payload.Length];
        image[0x1F1] = SetupSectorsField ?? SetupSectors;
        Span<byte> header = image;
        BinaryPrimitives.WriteUInt32LittleEndian(header[0x1F4..], (uint)((Payload.Length + 15) / 16) + MissingParagraphs);
        BinaryPrimitives.WriteUInt16LittleEndian(header[0x1FE..], 0xAA55);
        BinaryPrimitives.WriteUInt32LittleEndian(header[0x202..], 0x53726448);
        BinaryPrimitives.WriteUInt16LittleEndian(header[0x206..], Version);
        image[0x211] = LoadFlags;
        BinaryPrimitives.WriteUInt32LittleEndian(header[0x214..], Entry);
        image[0x234] = Relocatable ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(header[0x236..], ExtendedLoadFlags);
        BinaryPrimitives.WriteUInt64LittleEndian(header[0x258..], PreferredAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(header[0x260..], InitSize);
        Payload.CopyTo(image, payloadOffset);
        return image;
    }
}
